"""Lists of recordings in folds, and windows of audio without frames."""

import numpy as np
import pytest
from scipy.io import wavfile

from slowfast.datasets.clips import ClipDataset
from slowfast.datasets.items import ItemTable, union
from slowfast.datasets.lists.esc50 import read_esc50, read_fold_list
from slowfast.datasets.readers import AudioReader, LabelReader, TimeReader
from slowfast.datasets.views import AudioViews
from slowfast.utils.errors import AnnotationError, ConfigError

TABLE = """filename,fold,target,category,esc10,src_file,take
1-a.wav,1,0,dog,True,1,A
2-b.wav,2,1,cat,False,2,A
2-c.wav,2,0,dog,True,3,A
1-d.wav,1,9,rain,True,4,A
"""
RATE = 8000


def test_one_fold_is_tested_and_the_others_are_learned_from(tmp_path):
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta/esc50.csv").write_text(TABLE)
    train, test = read_esc50(tmp_path, 2, True), read_esc50(tmp_path, 2, False)
    assert list(train.paths) == [f"{tmp_path}/audio/1-a.wav", f"{tmp_path}/audio/1-d.wav"]
    assert train.class_names == test.class_names == ["cat", "dog", "rain"]
    assert train.labels.tolist() == [1, 2] and test.labels.tolist() == [0, 1]
    small = read_esc50(tmp_path, 2, False, "/there", only_esc10=True)
    assert list(small.paths) == ["/there/2-c.wav"] and small.class_names == ["dog", "rain"]
    with pytest.raises(ConfigError, match=r"DATA.FOLD 7.*folds \[1, 2\]"):
        read_esc50(tmp_path, 7, True)
    whole = union([read_esc50(tmp_path, k, train) for k in (1, 2) for train in (True, False)])
    assert len(whole) == 4 and sorted(whole.labels.tolist()) == [0, 1, 1, 2]


def test_a_table_that_is_wrong_is_named(tmp_path):
    with pytest.raises(AnnotationError, match=r"esc50.csv: no such table.*PATH_TO_DATA_DIR"):
        read_esc50(tmp_path, 1, True)
    (tmp_path / "esc50.csv").write_text(TABLE.replace("2-b.wav,2", "2-b.wav,two"))
    with pytest.raises(AnnotationError, match="line 3: the fold is 'two'"):
        read_esc50(tmp_path, 1, True)
    (tmp_path / "esc50.csv").write_text("filename,fold\n")
    with pytest.raises(AnnotationError, match="no column category"):
        read_esc50(tmp_path, 1, True)


def test_lists_as_of_dcase(tmp_path):
    (tmp_path / "fold1_train.txt").write_text("audio/a.wav\tpark\naudio/b b.wav\tbus\n")
    (tmp_path / "fold1_evaluate.txt").write_text("audio/c.wav\tpark\tid\n")
    train, test = (read_fold_list(tmp_path, 1, train) for train in (True, False))
    assert train.class_names == ["bus", "park"] and train.labels.tolist() == [1, 0]
    assert list(test.paths) == [f"{tmp_path}/audio/c.wav"] and test.labels.tolist() == [1]
    (tmp_path / "fold1_evaluate.txt").write_text("audio/c.wav\tbeach\n")
    with pytest.raises(AnnotationError, match="no file of class 'beach'"):
        read_fold_list(tmp_path, 1, False)
    (tmp_path / "fold1_evaluate.txt").write_text("audio/c.wav park\n")
    with pytest.raises(AnnotationError, match="expected a path, a tab and a class"):
        read_fold_list(tmp_path, 1, False)


@pytest.fixture
def ramp(tmp_path):
    """A second of samples that rise from 0 to 1, and nothing else."""
    samples = (np.arange(RATE) / RATE * 32767).astype("<i2")
    wavfile.write(tmp_path / "ramp.wav", RATE, samples)
    return ItemTable([str(tmp_path / "ramp.wav")], [3], [], "test")


def read(items, views, reader, seed=0):
    readers = [LabelReader(items), reader, TimeReader()]
    return ClipDataset(items, views, readers, seed=seed)[0]


def test_audio_alone_is_read_without_a_video_stream(ramp):
    sample = read(ramp, AudioViews(0.25, 4), AudioReader(0.25, RATE))
    assert sample["valid"] and sample["label"] == 3 and sample["audio"].shape == (4, RATE // 4)
    np.testing.assert_allclose(sample["audio"][:, 0], [0, 0.25, 0.5, 0.75], atol=2e-3)
    np.testing.assert_allclose(sample["time"][:, 1], [0.25, 0.5, 0.75, 1.0], atol=1e-6)
    middle = read(ramp, AudioViews(0.5), AudioReader(0.5, RATE))
    assert middle["audio"][0, 0] == pytest.approx(0.25, abs=2e-3)


def test_audio_that_loops_goes_on_at_its_beginning(ramp):
    views, reader = AudioViews(0.5, 3, loop=0.8), AudioReader(0.5, RATE, loop=0.8)
    waves = read(ramp, views, reader)["audio"].numpy()
    expected = [(start + np.arange(RATE // 2) / RATE) % 0.8 for start in (0.0, 0.4, 0.8)]
    near = np.abs(waves - expected) < 1e-3
    assert (~near).sum() <= 2  # where 0.8 becomes 0, rounding decides
    assert waves[0, 1] == pytest.approx(1 / RATE, abs=1e-4)  # not even the first samples are lost


def test_drawn_windows_are_the_same_each_time_and_stretched(ramp):
    views = AudioViews(0.25, 5, random=True)
    reader = AudioReader(0.25, RATE, stretch=(1.5, 1.5))
    one, again = (read(ramp, views, reader)["audio"] for _ in range(2))
    assert (one == again).all()
    other = read(ramp, views, reader, seed=1)["audio"]
    assert (one[:, 0] != other[:, 0]).all()
    slopes = (one[:, 1500] - one[:, 500]) / 1000 * RATE  # of a ramp that rises by 1 in a second
    np.testing.assert_allclose(slopes, 1 / 1.5, rtol=0.02)


def test_a_span_of_audio_alone(ramp):
    part = ItemTable(ramp.paths, [0], [], "test", start=np.array([0.5]), end=np.array([0.75]))
    sample = read(part, AudioViews(0.125, 2), AudioReader(0.125, RATE))
    np.testing.assert_allclose(sample["audio"][:, 0], [0.5, 0.625], atol=3e-3)
