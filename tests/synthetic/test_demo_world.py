"""The class of a demo video lies in its motion and sound over time and nowhere else."""

from dataclasses import replace

import numpy as np
import pytest

from slowfast.synthetic import PRESETS
from slowfast.synthetic.motions import (
    Action,
    directed_names,
    events,
    motion_names,
    offsets,
    rate_range,
)
from slowfast.synthetic.scenes import render_scene
from slowfast.synthetic.sounds import Voice, sound
from slowfast.synthetic.world import draw_episode, render_sound

EVERY = (*motion_names(), *directed_names())
CHANCE = 1 / len(motion_names())
SMALL_PICTURES = replace(PRESETS["tiny"], height=24, width=32, seconds=(1.0, 1.2))


def linear_accuracy(features, labels, train_share=0.7):
    """Return the test accuracy of ridge regression to one-hot labels."""
    features = (features - features.mean(0)) / (features.std(0) + 1e-6)
    features = np.concatenate([features, np.ones((len(features), 1))], axis=1)
    order = np.random.default_rng(0).permutation(len(labels))
    cut = int(train_share * len(labels))
    train, test = order[:cut], order[cut:]
    x, y = features[train], np.eye(labels.max() + 1)[labels[train]]
    gram = x.T @ x + 10.0 * np.eye(x.shape[1])
    return float(
        np.mean((features[test] @ np.linalg.solve(gram, x.T @ y)).argmax(1) == labels[test])
    )


def episodes(per_class):
    """Return drawn episodes of small pictures with their labels."""
    pairs = [(k, i) for k in range(len(motion_names())) for i in range(per_class)]
    drawn = [draw_episode(SMALL_PICTURES, 3, k, i) for k, i in pairs]
    return drawn, np.array([k for k, _ in pairs])


@pytest.fixture(scope="module")
def stills():
    """Return one frame of each of many drawn episodes and the labels."""
    drawn, labels = episodes(100)
    pictures = []
    for number, episode in enumerate(drawn):
        one = replace(episode, frame_count=1 + number % 8)
        pictures.append(render_scene(one)[0][-1])
    return np.stack(pictures) / 255.0, labels


def test_the_pixels_of_one_frame_tell_nothing(stills):
    pictures, labels = stills
    coarse = pictures.reshape(-1, 12, 2, 16, 2, 3).mean(axis=(2, 4))
    assert linear_accuracy(coarse.reshape(len(labels), -1), labels) < CHANCE + 0.08


def test_the_colours_of_one_frame_tell_nothing(stills):
    pictures, labels = stills
    colours = np.concatenate([pictures.mean((1, 2)), pictures.std((1, 2))], axis=1)
    assert linear_accuracy(colours, labels) < CHANCE + 0.08


def test_loudness_tells_nothing():
    drawn, labels = episodes(30)
    waves = [render_sound(episode) for episode in drawn]
    loudness = np.array([[20 * np.log10(np.sqrt(np.mean(w**2))), w.mean() * 1e3] for w in waves])
    assert linear_accuracy(loudness, labels) < CHANCE + 0.1
    assert loudness[:, 0].std() > 3


def test_looks_are_drawn_alike_for_every_class():
    drawn, labels = episodes(100)
    for measure in (
        lambda e: e.actors[0].body.centre[0],
        lambda e: e.actors[0].body.look.radius,
        lambda e: e.actors[0].voice.pitch,
        lambda e: e.room.level_db,
        lambda e: e.frame_rate,
        lambda e: len(e.litter),
    ):
        values = np.array([float(measure(episode)) for episode in drawn])
        means = np.array([values[labels == k].mean() for k in range(len(motion_names()))])
        assert np.abs(means - values.mean()).max() < 0.4 * values.std()


@pytest.mark.parametrize("kind", EVERY)
def test_every_half_second_of_a_motion_moves(kind):
    times = np.arange(0, 3, 1 / 16)
    moved = offsets(Action(kind, rate=rate_range(kind)[0], phase=0.3, seed=5), times)
    track = np.stack([moved.dx, moved.dy, moved.log_scale, moved.turn, moved.swap])
    for begin in range(len(times) - 8):
        assert np.ptp(track[:, begin : begin + 8], axis=1).max() > 0.1


@pytest.mark.parametrize("kind", EVERY)
def test_an_action_happens_only_in_its_interval(kind):
    action = Action(kind, rate=2.2, phase=0.3, seed=5, start=0.5, stop=1.5)
    times = np.arange(0, 2, 1 / 24_000)
    outside = (times < 0.5) | (times >= 1.5)
    moved = offsets(action, times[::1000])
    for values in (moved.dx, moved.dy, moved.log_scale, moved.turn, moved.swap):
        assert not values[outside[::1000]].any()
    wave = sound(action, Voice(pitch=440.0, dullness=1.5, seed=1), times)
    assert not wave[outside].any()
    assert np.sqrt(np.mean(wave[~outside] ** 2)) == pytest.approx(1.0)
    moments = events(action, 2.0)
    assert len(moments) >= 2 and moments.min() >= 0.5 and moments.max() < 1.5


@pytest.mark.parametrize("kind", ["Jump", "Blink"])
def test_sudden_changes_happen_at_the_events(kind):
    action = Action(kind, rate=3.0, phase=0.37, seed=2)
    for moment in events(action, 2.0)[1:]:
        moved = offsets(action, np.array([moment - 0.005, moment + 0.005]))
        assert max(np.ptp(moved.dx), np.ptp(moved.dy), np.ptp(moved.swap)) > 0.1


def test_boxes_follow_the_actor_and_vanish_with_it():
    episode = draw_episode(PRESETS["tiny"], 0, motion_names().index("Orbit"), 0)
    frames, boxes = render_scene(episode)
    assert frames.dtype == np.uint8 and frames.shape == (episode.frame_count, 48, 64, 3)
    assert boxes.shape == (episode.frame_count, 1, 4)
    centre = (boxes[:, 0, :2] + boxes[:, 0, 2:]) / 2
    assert np.ptp(centre, axis=0).min() > 8
    body = replace(episode.actors[0].body, centre=(9.0, 9.0))
    _, gone = render_scene(replace(episode, actors=(replace(episode.actors[0], body=body),)))
    assert np.isnan(gone).all()


def test_two_actors_with_overlapping_actions_fit_in_one_episode():
    base = draw_episode(PRESETS["tiny"], 0, 0, 0)
    bounce = Action("Bounce", rate=2.0, start=0.2, stop=1.2)
    blink = Action("Blink", rate=2.5, start=0.8, stop=2.0)
    other = replace(base.actors[0], actions=(bounce, blink))
    episode = replace(base, actors=(base.actors[0], other))
    frames, boxes = render_scene(episode)
    assert boxes.shape == (len(frames), 2, 4)
    wave = render_sound(episode)
    assert wave.dtype == np.float32 and np.abs(wave).max() <= 1.0
    assert len(wave) == round(episode.seconds * 24_000)


def test_directed_motions_differ_backwards_and_at_another_moment():
    times = np.arange(0, 3.5, 1 / 100)
    climb, sink = (offsets(Action(kind, rate=2.0), times) for kind in ("Climb", "Sink"))
    assert (np.diff(climb.dy) < 0).all() and (np.diff(sink.dy) > 0).all()
    grows = np.diff(climb.log_scale) > 0
    assert grows.mean() > 0.95 and (np.diff(sink.log_scale) > 0).mean() < 0.05
    assert not (np.diff(climb.log_scale[::-1]) > 0).mean() > 0.05


def test_the_pitch_of_a_directed_motion_follows_it():
    times = np.arange(0, 3.5, 1 / 24_000)
    voice = Voice(pitch=440.0, dullness=8.0, seed=1)  # no overtones to speak of

    def pitch(kind, begin, end):
        wave = sound(Action(kind, rate=2.0), voice, times)
        crossings = np.flatnonzero((wave[:-1] < 0) & (wave[1:] >= 0)) / 24_000
        return ((crossings >= begin) & (crossings < end)).sum() / (end - begin)

    assert pitch("Climb", 0.0, 0.25) < pitch("Climb", 0.25, 0.5)  # a stroke rises
    assert 1.5 * pitch("Climb", 0.0, 0.5) < pitch("Climb", 3.0, 3.5)  # and so do all
    assert pitch("Sink", 0.0, 0.5) > 1.5 * pitch("Sink", 3.0, 3.5)
