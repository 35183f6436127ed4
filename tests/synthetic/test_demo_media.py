"""What the written files hold: codecs, durations, and sound in step with the picture."""

from fractions import Fraction

import av
import numpy as np
import pytest

from slowfast.synthetic import PRESETS
from slowfast.synthetic.layouts import list_videos
from slowfast.synthetic.motions import events
from slowfast.synthetic.scenes import render_scene
from slowfast.synthetic.world import draw_episode

TINY = PRESETS["tiny"]


def video_of(kind, index=0):
    """Return the entry and the episode of one tiny video."""
    video = next(v for v in list_videos(TINY) if (v.class_name, v.index) == (kind, index))
    return video, draw_episode(TINY, 0, video.label, video.index)


def decoded_sound(path):
    """Return the samples of a file and the time of the first one in seconds."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    return np.concatenate([f.to_ndarray()[0] for f in frames]), float(frames[0].time)


def test_files_hold_h264_and_aac_of_the_stated_length(tiny):
    for video in list_videos(TINY):
        episode = draw_episode(TINY, 0, video.label, video.index)
        with av.open(str(tiny.root / video.path)) as container:
            picture, sound = container.streams.video[0], container.streams.audio[0]
            assert (picture.codec_context.name, sound.codec_context.name) == ("h264", "aac")
            assert picture.codec_context.pix_fmt == "yuv420p"
            assert (picture.height, picture.width) == (TINY.height, TINY.width)
            assert picture.average_rate == Fraction(episode.frame_rate)
            assert (sound.rate, sound.channels) == (24_000, 1)
            assert picture.frames == episode.frame_count
            assert TINY.seconds[0] - 0.05 <= episode.seconds <= TINY.seconds[1] + 0.05
            length = float(picture.duration * picture.time_base)
            assert length == pytest.approx(episode.seconds, abs=0.002)
            length = float(sound.duration * sound.time_base)
            assert length == pytest.approx(episode.seconds, abs=0.1)


def test_decoded_frames_look_like_the_rendered_ones(tiny):
    video, episode = video_of("Orbit")
    with av.open(str(tiny.root / video.path)) as container:
        decoded = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
    frames, _ = render_scene(episode)
    assert len(decoded) == len(frames)
    assert np.abs(np.stack(decoded).astype(int) - frames).mean() < 8


def test_thuds_are_heard_when_the_ball_touches_the_floor(tiny):
    for index in range(TINY.groups * TINY.clips_per_group):
        video, episode = video_of("Bounce", index)
        wave, first = decoded_sound(tiny.root / video.path)
        moments = events(episode.actors[0].actions[0], episode.seconds)
        moments = moments[(moments > 0.05) & (moments < episode.seconds - 0.05)]
        assert len(moments) >= 3
        # Energy in the 10 ms before each impact is low, in the 10 ms after it high.
        power = np.convolve(wave**2, np.ones(240) / 240, mode="valid")
        for moment in moments:
            at = round((moment - first) * 24_000)
            assert power[at] > 2.5 * power[at - 240 - 48]


def test_the_ball_is_lowest_at_its_impacts():
    _, episode = video_of("Bounce")
    _, boxes = render_scene(episode)
    feet = boxes[:, 0, 3]
    for moment in events(episode.actors[0].actions[0], episode.seconds):
        nearest = round(moment * episode.frame_rate)
        if 3 <= nearest < len(feet) - 3:
            assert feet[nearest] >= max(feet[nearest - 3], feet[nearest + 3])
