"""The captions of the demo world say what moves how, in the files of HowTo100M."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from slowfast.config import load_cfg
from slowfast.datasets.captions import read_captions
from slowfast.datasets.lists.howto100m import read_howto100m
from slowfast.models.text import WordVectors, class_words
from slowfast.models.text.vocabulary import Tokeniser, open_vocabulary
from slowfast.synthetic import PRESETS, write_demo_world
from slowfast.synthetic.captions import MOTIONS, caption_rows, combination
from slowfast.synthetic.layouts import list_videos
from slowfast.synthetic.motions import directed_names, motion_names
from slowfast.synthetic.world import draw_episode

ROOT = Path(__file__).parents[2]


def read(tiny, split):
    folder = tiny.folders["howto100m"]
    return read_howto100m(folder, split, folder / "videos", folder / "captions")


def test_every_motion_has_words():
    assert set(MOTIONS) == {*motion_names(), *directed_names()}
    assert len(set(MOTIONS.values())) == len(MOTIONS)


def test_lists_videos_and_captions_belong_together(tiny):
    train, val = read(tiny, "train"), read(tiny, "val")
    assert (len(train), len(val)) == (32, 16)
    assert not set(train.paths) & set(val.paths)
    for path in [*train.paths, *val.paths]:
        name = path.rpartition("/")[2]
        media = tiny.folders["videos"] / name.split("_")[1] / name
        assert media.samefile(path) or media.read_bytes() == Path(path).read_bytes()


def test_captions_name_the_motion_within_the_video(tiny):
    folder = tiny.folders["howto100m"] / "captions"
    for video in list_videos(PRESETS["tiny"]):
        episode = draw_episode(PRESETS["tiny"], 0, video.label, video.index)
        captions = read_captions(folder / f"{video.file_name[:-4]}.csv")
        assert captions[0].start == 0
        assert captions[-1].end == pytest.approx(episode.seconds, abs=0.01)
        verb = MOTIONS[video.class_name].split()[0]
        assert all(verb in caption.text.split() for caption in captions)
        assert [c.text for c in captions] == [text for *_, text in caption_rows(episode)]


def test_every_word_has_a_vector(tiny):
    folder = tiny.folders["howto100m"]
    vocabulary = open_vocabulary(str(folder / "word2vec.pth"))
    tokenise = Tokeniser(vocabulary.ids)
    for path in (folder / "captions").iterdir():
        for caption in read_captions(path):
            words = caption.text.replace(",", "").split()
            assert (tokenise(caption.text) > 0).sum() == len(words) <= 20
    assert not vocabulary.vectors[0].any()
    torch.testing.assert_close(
        vocabulary.vectors[1:].norm(dim=1), torch.ones(len(vocabulary.ids)), rtol=1e-5, atol=1e-5
    )


def test_a_world_of_before_gets_its_captions_and_keeps_its_videos(tiny, tmp_path):
    shutil.copytree(tiny.root, tmp_path / "old")
    shutil.rmtree(tmp_path / "old/howto100m")
    before = (tmp_path / "old/videos").stat().st_mtime_ns
    summary = write_demo_world(tmp_path / "old", "tiny", workers=1)
    assert summary.written == 0 and (tmp_path / "old/videos").stat().st_mtime_ns == before
    for name in ("howto.csv", "val.csv", "word2vec.pth", "dict.npy"):
        again = (tmp_path / "old/howto100m" / name).read_bytes()
        assert again == (tiny.folders["howto100m"] / name).read_bytes()
    assert np.load(tmp_path / "old/howto100m/dict.npy").dtype.kind == "U"


def test_combinations_are_classes_of_two_known_words(tiny):
    folder = tiny.folders["combinations"]
    table = WordVectors.load(folder / "vectors.npz")
    names = sorted(path.name for path in (folder / "videos").iterdir())
    assert len(names) == 32 and len(list((folder / "videos").glob("*/*.mp4"))) == 48
    for name in names:
        assert all(word in table for word in class_words(name, "plain"))
    for video in list_videos(PRESETS["tiny"]):
        name = combination(PRESETS["tiny"], 0, video)
        assert (folder / "videos" / name / video.file_name).is_file()
    wanted = load_cfg(
        [ROOT / "configs/demo/zero_shot_combinations.yaml"], []
    ).ZERO_SHOT.TEST_CLASSES
    assert set(wanted) <= set(names) and len(wanted) == 16
    words = [tuple(class_words(name, "plain")) for name in set(names) - set(wanted)]
    for place in (0, 1):  # every word is seen in some other combination
        assert {pair[place] for pair in words} == {n.lower().split("_")[place] for n in names}
