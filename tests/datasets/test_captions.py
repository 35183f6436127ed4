"""Captions: recorded windows, clips that lie where they are spoken, and lists of a million videos."""

import logging
import time
import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from slowfast.config import load_cfg
from slowfast.config.defaults import assert_and_infer_cfg
from slowfast.datasets.build import build_dataset, read_items
from slowfast.datasets.captions import (
    Caption,
    Captions,
    MiddleCaption,
    RandomCaptions,
    caption_window,
    clip_starts,
    read_captions,
)
from slowfast.datasets.lists import howto100m
from slowfast.datasets.lists.howto100m import read_howto100m
from slowfast.datasets.lists.text_lists import MissingListError
from slowfast.datasets.media import open_media
from slowfast.datasets.readers import TextReader
from slowfast.datasets.sampling.temporal import DurationSampling
from slowfast.datasets.views import View, ViewPlan
from slowfast.utils.errors import AnnotationError, ConfigError, MediaError

CLIP = DurationSampling(8, 16.0)
CONFIG = Path(__file__).parents[2] / "configs/demo/gdt_text.yaml"


def test_windows_are_the_recorded_ones(recorded):
    want = recorded("gdt/text_tokens.json")["caption_windows"]
    for case in want["cases"]:
        begin, end, _ = case["caption"]
        window = caption_window(begin, end, want["min_time"])
        assert list(window) == case["window"]
        assert list(clip_starts(window, want["num_sec"])) == case["seek_range"]


@pytest.fixture
def video(media_factory):
    """A video of six seconds at 10 frames per second."""
    return media_factory(frames=60, fps=Fraction(10))


@pytest.fixture
def spoken(tmp_path, video):
    """Return ``write(lines) -> Captions`` for the captions of the video."""

    def write(*lines, shortest=2.0, header="start,end,text"):
        path = tmp_path / f"{video.stem}.csv"
        path.write_text("\n".join([header, *lines]) + "\n")
        read_captions.cache_clear()
        return Captions(str(tmp_path), shortest)

    return write


def drawn(captions, video, count=200, plan=1):
    views = RandomCaptions(CLIP, plan, captions=captions)
    with open_media(video) as media:
        return [views.views(media, np.nan, np.random.default_rng(k)) for k in range(count)]


def test_clips_lie_where_their_words_are_spoken(spoken, video):
    captions = spoken("0.0,1.0,begin", '2.5,5.5,"add salt, now"', "4.0,5.0,")
    views = [view for (view,) in drawn(captions, video)]
    found = {text: {round(v.time[0], 2) for v in views if v.text == text} for text in ("begin",)}
    assert found == {"begin": {0.0, 1.0}}  # whole seconds of the window from 0 to 2
    later = {round(v.time[0], 2) for v in views if v.text == "add salt, now"}
    assert later == {2.0, 3.0, 4.0}
    assert {v.text for v in views} == {"begin", "add salt, now"}  # never the one without words
    assert all(len(v.frames) == 8 and max(v.frames) < 60 for v in views)


def test_a_caption_at_the_end_has_the_last_clip(spoken, video):
    captions = spoken("5.8,30.0,late", "7.0,9.0,after the end")
    views = [view for (view,) in drawn(captions, video, 30)]
    assert {v.text for v in views} == {"late"}
    assert min(v.time[0] for v in views) == pytest.approx(5.0)
    assert all(v.time[1] == pytest.approx(6.0, abs=0.21) for v in views if v.time[0] > 5.4)


def test_a_shift_is_another_caption_and_a_reversal_keeps_its_words(spoken, video):
    captions = spoken("0.0,1.0,one", "4.0,5.0,two")
    pairs = drawn(captions, video, 50, ViewPlan(2, reverse=True))
    assert {(a.text, b.text) for a, _, b, _ in pairs} == {
        (x, y) for x in ("one", "two") for y in ("one", "two")
    }
    for view, back, *_ in pairs:
        assert (back.text, back.frames) == (view.text, view.frames[::-1])
    apart = drawn(captions, video, 50, ViewPlan(2, distance=(2.0, 9.0)))
    assert all({a.text, b.text} == {"one", "two"} for a, b in apart)


def test_words_of_a_view_that_runs_backwards_come_last_first():
    reader = TextReader(lambda text: np.array([len(word) for word in text.split()] + [0]))
    forwards = View([0, 1], (0.0, 1.0), text="a bcd")
    found = reader.read(None, 0, [forwards, forwards.backwards()], None)["text"]
    assert found.tolist() == [[1, 3, 0], [0, 3, 1]] and found.dtype == torch.int64


def test_validation_takes_the_caption_in_the_middle(spoken, video):
    captions = spoken("0.0,1.0,first", "2.8,3.4,middle", "5.0,6.0,last")
    rule = MiddleCaption(CLIP, captions=captions)
    with open_media(video) as media:
        (view,) = rule.views(media, np.nan)
    assert view.text == "middle" and view.time[0] == pytest.approx(2.5, abs=0.11)
    assert rule.count == 1


@pytest.mark.parametrize(
    ("lines", "options", "problem"),
    [
        (["9.0,10.0,late"], {}, "none of its 1 captions has words within the 6.00 s"),
        (["0.0,1.0,", "1.0,2.0,  "], {}, "none of its 2 captions has words"),
        ([], {}, "none of its 0 captions"),
        (["0.0,1.0,x"], {"shortest": 7.0}, r"lasts 6.00 s, .*TEXT\.WINDOW 7"),
        (["0.0,x,word"], {}, "line 2: the end is 'x'"),
        (["3.0,1.0,word"], {}, "line 2: the caption lasts from 3 to 1 s"),
        (["0.0,1.0"], {}, "line 2: 2 fields, expected 3"),
        (["0.0,1.0,x"], {"header": "start,end,words"}, "no column text"),
    ],
)
def test_what_cannot_be_a_sample_says_why(lines, options, problem, spoken, video):
    captions = spoken(*lines, **options)
    with pytest.raises(MediaError, match=problem):
        drawn(captions, video, 1)


def test_captions_are_read_as_written(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(',start,end,text\n0,0.5,2,"so, here ""we"" are"\n1,2,3,\n')
    assert read_captions(path) == [Caption(0.5, 2.0, 'so, here "we" are'), Caption(2.0, 3.0, "")]


@pytest.fixture
def folder(tmp_path):
    """Ten ids; eight of them with a video, eight with captions, seven with both."""
    for name in ("videos", "captions"):
        (tmp_path / name).mkdir()
    ids = [f"id-{k}_" for k in range(10)]
    (tmp_path / "howto.csv").write_text("\n".join(["video_id,rank", *(f"{i},1" for i in ids)]))
    for k in (0, 1, 2, 3, 4, 5, 6, 7):
        (tmp_path / "videos" / f"{ids[k]}.{'webm' if k % 2 else 'mp4'}").touch()
    for k in (0, 1, 2, 3, 4, 5, 6, 8):
        (tmp_path / "captions" / f"{ids[k]}.csv").touch()
    return tmp_path


def names(items):
    return [path.rpartition("/")[2] for path in items.paths]


def read(folder, split, held_out=2):
    return read_howto100m(folder, split, folder / "videos", folder / "captions", held_out)


def test_ids_without_video_or_captions_are_left_out_and_counted(folder, caplog, monkeypatch):
    monkeypatch.setattr(howto100m.logger, "propagate", True)
    (folder / "val.csv").write_text("video_id\nid-0_\n")
    with caplog.at_level(logging.WARNING):
        items = read(folder, "train")
    assert names(items) == [f"id-{k}_.{'webm' if k % 2 else 'mp4'}" for k in range(7)]
    assert "2 have no video in" in caplog.text and "(id-8_, id-9_, ...)" in caplog.text
    assert "1 have no captions in" in caplog.text
    assert names(read(folder, "val")) == names(read(folder, "test")) == ["id-0_.mp4"]


def test_without_a_list_to_validate_on_some_videos_are_held_out(folder):
    assert names(read(folder, "val")) == names(read(folder, "test")) == ["id-0_.mp4"]  # and id 9
    assert names(read(folder, "train")) == [
        f"id-{k}_.{'webm' if k % 2 else 'mp4'}" for k in range(1, 7)
    ]


def test_a_folder_of_videos_is_a_list(folder):
    (folder / "howto.csv").unlink()
    assert len(read(folder, "train", 1)) + len(read(folder, "val", 1)) == 7


def test_wrong_lists_are_one_message(folder, tmp_path):
    (folder / "howto.csv").write_text("id-0_\nid-1_\n")
    with pytest.raises(AnnotationError, match="no column video_id in its first line, 'id-0_'"):
        read(folder, "train")
    with pytest.raises(AnnotationError, match=r"TEXT\.CAPTION_DIR.: no such folder"):
        read_howto100m(folder, "train", folder / "videos", folder / "nowhere")
    with pytest.raises(MissingListError, match=r"none of train\.csv, howto\.csv"):
        read_howto100m(folder / "captions", "train", folder / "nowhere", folder / "captions")
    (folder / "val.csv").write_text("video_id\nid-9_\n")
    with pytest.raises(AnnotationError, match="no video is left: 1 have no video"):
        read(folder, "val")


def config(*words):
    return assert_and_infer_cfg(load_cfg([CONFIG], words))


def test_keys_that_do_not_go_with_captions_are_one_message(folder):
    words = ("DATA.PATH_TO_DATA_DIR", str(folder), "DATA.PATH_PREFIX", str(folder / "videos"))
    words += ("TEXT.CAPTION_DIR", str(folder / "captions"))
    items = read_items(config(*words), "train")
    for more, views, problem in (
        (("DATA.TEMPORAL_SAMPLING", "linspace"), "random", r"TEMPORAL_SAMPLING duration"),
        (("TEST.NUM_ENSEMBLE_VIEWS", "3"), "all", "With captions a test video has a single view"),
    ):
        with pytest.raises(ConfigError, match=problem):
            build_dataset("howto100m", config(*words, *more), "train", views, items, tokenise=len)


def test_a_list_of_many_videos_opens_in_seconds_and_bounded_memory(tmp_path, monkeypatch):
    count = 120_000  # a tenth of HowTo100M, of which a second and a tenth of the memory
    ids = [f"{k:011x}" for k in range(count)]
    (tmp_path / "howto.csv").write_text("\n".join(["video_id", *ids]))
    (tmp_path / "val.csv").write_text(f"video_id\n{ids[0]}\n")
    (tmp_path / "videos").mkdir()
    monkeypatch.setattr(howto100m, "find_videos", lambda folder: dict.fromkeys(ids, ".mp4"))
    monkeypatch.setattr(howto100m, "find_captions", lambda folder: set(ids))
    tracemalloc.start()
    began = time.process_time()
    items = read(tmp_path, "train")
    seconds, (kept, _) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(items) == count
    assert kept < 40 * 2**20 and seconds < 10
