"""Scenes with several actors: what is drawn is what the labels say."""

from dataclasses import replace

import numpy as np
import pytest

from slowfast.synthetic.ava_world import AVA
from slowfast.synthetic.motions import Action, motion_names, offsets
from slowfast.synthetic.presets import AVA_PRESETS
from slowfast.synthetic.scene_sampling import (
    BalancedSampler,
    SceneScale,
    timed_action,
    with_passage,
)
from slowfast.synthetic.scenes import (
    PASSAGE_SECONDS,
    TRAVELS,
    Hold,
    Talk,
    actor_poses,
    doing,
    render_scene,
)

BLACK, PINK = (0.0, 0.0, 0.0), (1.0, 0.0, 1.0)


@pytest.fixture(scope="module")
def scene():
    """Return a scene of two actors that do nothing, before a black background."""
    drawn = AVA.draw(AVA_PRESETS["tiny"], 0)[0].scene
    black = replace(drawn.background, low=BLACK, high=BLACK)
    actors = tuple(
        replace(w, actions=(), route=replace(w.route, enters=-np.inf, leaves=np.inf))
        for w in drawn.actors[:2]
    )
    actors = tuple(
        replace(w, body=replace(w.body, centre=centre))
        for w, centre in zip(actors, ((0.25, 0.5), (0.75, 0.5)), strict=True)
    )
    return replace(drawn, background=black, actors=actors, litter=(), holds=(), talks=())


def annotated(scene, actor):
    """Return the scene with one actor all in pink."""
    actors = list(scene.actors)
    look = replace(actors[actor].body.look, fill=PINK, accent=PINK, outline=PINK)
    actors[actor] = replace(actors[actor], body=replace(actors[actor].body, look=look))
    return replace(scene, actors=tuple(actors))


def pink_box(frame):
    """Return the box around all pink pixels of a frame."""
    pink = (frame[..., 0] > 127) & (frame[..., 1] < 60) & (frame[..., 2] > 127)
    rows, columns = np.flatnonzero(pink.any(1)), np.flatnonzero(pink.any(0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


@pytest.mark.parametrize("kind", motion_names())
def test_a_box_is_that_of_the_drawn_pixels(scene, kind):
    action = timed_action(SceneScale((0.1, 0.2), 0.3), kind, 0.5, 3.5, np.random.default_rng(1))
    moved = replace(scene, actors=(replace(scene.actors[0], actions=(action,)),))
    times = np.linspace(0, 4, 9)
    frames, boxes = render_scene(annotated(moved, 0), times)
    for frame, box in zip(frames, boxes[:, 0], strict=True):
        assert np.abs(pink_box(frame) - box).max() <= 1


def test_a_covered_actor_keeps_its_whole_box(scene):
    times = np.array([1.0])
    _, alone = render_scene(replace(scene, actors=scene.actors[:1]), times)
    here = replace(scene.actors[1], body=replace(scene.actors[1].body, centre=(0.25, 0.5)))
    _, boxes = render_scene(replace(scene, actors=(scene.actors[0], here)), times)
    assert np.array_equal(alone[0, 0], boxes[0, 0])


def test_who_travels_in_no_way_glides(scene):
    spin = Action("Spin", 1.0, start=1.0, stop=2.0)
    sway = Action("Sway", 1.0, start=1.5, stop=3.0)
    busy = replace(scene, actors=(replace(scene.actors[0], actions=(spin, sway)),))
    found = [doing(busy, 0, time) for time in (0.5, 1.0, 1.5, 2.0, 3.0)]
    assert found == [{"Glide"}, {"Glide", "Spin"}, {"Spin", "Sway"}, {"Sway"}, {"Glide"}]


def test_a_held_ball_is_at_the_side_of_its_holder_while_it_is_held(scene):
    look = replace(scene.actors[0].body.look, radius=0.05, fill=PINK, accent=PINK, outline=PINK)
    held = replace(scene, holds=(Hold(1, look, 0.25, 1.0, 2.0),))
    frames, boxes = render_scene(held, np.array([0.9, 1.5, 2.1]))
    assert [doing(held, 1, t) - {"Glide"} for t in (0.9, 1.5, 2.1)] == [set(), {"Hold"}, set()]
    assert not doing(held, 0, 1.5) - {"Glide"}
    x1, y1, x2, _ = pink_box(frames[1])
    left, top, right, bottom = boxes[1, 1]
    assert left < x1 and x2 < right and (top + bottom) / 2 < y1 < bottom
    nothing, _ = render_scene(scene, np.array([0.9, 1.5, 2.1]))
    assert np.array_equal(frames[0], nothing[0]) and np.array_equal(frames[2], nothing[2])


def test_dots_run_from_the_one_who_talks_to_the_one_who_listens(scene):
    look = replace(scene.actors[0].body.look, radius=0.05, fill=PINK, accent=PINK, outline=PINK)
    talking = replace(scene, talks=(Talk(0, 1, look, 0.5, 0.0, 9.0),))
    assert doing(talking, 0, 1.0) == {"Glide", "Talk"}
    assert doing(talking, 1, 1.0) == {"Glide", "Listen"}
    frames, _ = render_scene(talking, np.array([0.1, 0.3, 0.5]))
    lefts = [pink_box(frame)[0] for frame in frames]
    assert lefts[0] < lefts[1] < lefts[2]
    assert not doing(talking, 0, 9.0) - {"Glide"}


@pytest.mark.parametrize("enters", [True, False])
def test_who_comes_or_goes_is_seen_on_one_side_of_the_passage_only(scene, enters):
    actor = with_passage(scene.actors[0], 2.0, enters)
    moving = replace(scene, actors=(actor, scene.actors[1]))
    times = np.array([1.9, 2.0 + PASSAGE_SECONDS + 0.1])
    _, boxes = render_scene(moving, times)
    seen = np.isfinite(boxes[:, 0]).all(axis=1)
    assert list(seen) == [not enters, enters]
    assert "Pass" in doing(moving, 0, 2.5) and "Pass" not in doing(moving, 1, 2.5)
    _, still = render_scene(scene, times)
    assert np.array_equal(boxes[seen, 0], still[seen, 0])


@pytest.mark.parametrize("kind", motion_names())
def test_timed_actions_begin_and_end_at_rest(kind):
    action = timed_action(SceneScale((0.1, 0.2), 0.5), kind, 1.0, 3.5, np.random.default_rng(0))
    moved = offsets(action, np.array([1.0, 3.5 - 1e-6]))
    assert max(np.abs(v).max() for v in (moved.dx, moved.dy, moved.log_scale)) < 1e-4
    assert np.abs(moved.turn - np.round(moved.turn)).max() < 1e-4


def test_poses_do_not_depend_on_the_other_times_asked_for(scene):
    times = np.array([0.3, 1.7, 4.0])
    alone = [actor_poses(scene, 0, times[[k]])[0] for k in range(3)]
    assert np.allclose(actor_poses(scene, 0, times), alone)


def test_a_deck_deals_evenly_and_skips_what_it_must_not_deal():
    deck = BalancedSampler("abcd", np.random.default_rng(0))
    dealt = [deck.deal() for _ in range(40)]
    assert {dealt.count(card) for card in "abcd"} == {10}
    assert all(deck.deal(frozenset("abc")) == "d" for _ in range(5))


def test_nobody_travels_in_two_ways_at_once():
    for video in AVA.draw(AVA_PRESETS["small"], 3)[:20]:
        for actor in range(len(video.scene.actors)):
            for time in np.arange(0.25, video.scene.seconds, 0.5):
                kinds = doing(video.scene, actor, time)
                assert len(kinds & (TRAVELS | {"Glide"})) == 1
                assert len(kinds - {"Pass"}) <= 3
