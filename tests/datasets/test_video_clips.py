"""Clips of a list of files: reproducible draws, bounded replacement, one pass for all views."""

import errno
from itertools import chain, pairwise

import pytest
import torch
from oracles.media_files import numbers_of

from slowfast.datasets.clips import ClipDataset
from slowfast.datasets.items import ItemTable
from slowfast.datasets.readers import ColorJitter, EvalFrames, LabelReader, TrainFrames
from slowfast.datasets.sample import SampleKey, UnreadableSample, collate
from slowfast.datasets.samplers import EvaluationBatches, TrainBatches
from slowfast.datasets.sampling.temporal import DurationSampling, StrideSampling
from slowfast.datasets.transforms import TestGeometry, TrainGeometry
from slowfast.datasets.views import FixedViews, RandomViews
from slowfast.utils import patience
from slowfast.utils.errors import ConfigError, MediaError, UnreadableFilesError

SAMPLING = StrideSampling(4, 4)


@pytest.fixture
def paths(media_factory):
    return [str(media_factory(shade=shade, audio_rate=16000 * (shade % 2))) for shade in range(4)]


@pytest.fixture
def with_bad(paths, tmp_path):
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"nothing")
    return ItemTable([paths[0], str(bad), paths[1]], [0, 1, 2], [], "list")


def train_clips(items, geometry=None, views=1, **options):
    frames = TrainFrames(geometry or TrainGeometry(32, (40, 56)), ColorJitter((0.4, 0.4, 0.4, 0.1)))
    readers = [frames, LabelReader(items)]
    rule = RandomViews(SAMPLING, views)
    return ClipDataset(items, rule, readers, seed=5, on_error="replace", **options)


def same(one, two):
    assert one.keys() == two.keys()
    for key, value in one.items():
        equal = torch.equal(value, two[key]) if torch.is_tensor(value) else value == two[key]
        assert equal, key


def test_a_sample_depends_on_its_key_alone(paths):
    videos = ItemTable(paths, [0, 1, 2, 3], [], "list")
    keys = [SampleKey(2, position, index) for position, index in enumerate([3, 0, 2])]
    first = [train_clips(videos)[key] for key in keys]
    clips = train_clips(videos)
    second = [clips[key] for key in reversed(keys)][::-1]
    for one, two in zip(first, second, strict=True):
        same(one, two)
        assert one["video"].shape == (1, 3, 4, 32, 32)
        assert one["video"].dtype == torch.uint8


def test_epochs_and_positions_draw_differently(paths):
    clips = train_clips(ItemTable(paths, [0] * 4, [], "list"))
    samples = [clips[SampleKey(epoch, position, 0)] for epoch in (0, 1) for position in (0, 1)]
    assert len({tuple(sample["color"][0].tolist()) for sample in samples}) == 4


def test_an_unreadable_file_is_replaced_the_same_way_every_time(with_bad):
    clips = train_clips(with_bad)
    one, two = clips[SampleKey(0, 7, 1)], clips[SampleKey(0, 7, 1)]
    same(one, two)
    assert one["index"] in (0, 2)
    assert one["label"] == one["index"]
    assert {path for path, _ in one["failures"]} == {with_bad.paths[1]}
    assert all("bad.mp4" in reason for _, reason in one["failures"])


def failing_disk(monkeypatch, pattern):
    """Let opening a file fail as a network disk does where ``pattern`` says so; return the pauses."""
    pauses, answers, opened = [], iter(pattern), ItemTable.open

    def open_item(self, *args):
        if next(answers) == "x":
            raise MediaError("a.mp4: not readable") from OSError(errno.EIO, "Input/output error")
        return opened(self, *args)

    monkeypatch.setattr(ItemTable, "open", open_item)
    monkeypatch.setattr(patience.time, "sleep", pauses.append)
    return pauses


def test_a_disk_that_fails_for_a_moment_changes_no_sample(paths, monkeypatch):
    videos, key = ItemTable(paths, [0, 1, 2, 3], [], "list"), SampleKey(0, 1, 2)
    wanted = train_clips(videos)[key]
    pauses = failing_disk(monkeypatch, "xxx.x.")
    same(train_clips(videos)[key], wanted)
    assert pauses == list(patience.PAUSES)
    assert view_clips(videos)[2]["valid"]


def test_a_disk_that_fails_on_costs_the_sample(paths, monkeypatch):
    videos = ItemTable(paths, [0, 1, 2, 3], [], "list")
    failing_disk(monkeypatch, "xxxx.")
    sample = train_clips(videos)[SampleKey(0, 1, 2)]
    assert sample["failures"] == [(paths[2], "a.mp4: not readable")]


def test_replacement_is_bounded_and_reported(tmp_path):
    names = [str(tmp_path / f"{k}.mp4") for k in range(3)]
    clips = train_clips(ItemTable(names, [0] * 3, [], "list"), max_retries=2)
    given_up = clips[SampleKey(0, 0, 0)]
    assert isinstance(given_up, UnreadableSample)
    assert [reason.endswith("no such file.") for _, reason in given_up.failures] == [True] * 3
    assert collate([given_up]) == {"unreadable": given_up.failures}
    message = str(UnreadableFilesError(given_up.failures))
    assert "3 files in a row" in message
    assert "verify" in message


def test_sound_only_files_are_replaced(paths, tmp_path):
    from oracles.media_files import write_sound_only

    sound = tmp_path / "sound.mp4"
    write_sound_only(sound)
    sample = train_clips(ItemTable([str(sound), paths[0]], [0, 1], [], "list"))[SampleKey(0, 0, 0)]
    assert sample["index"] == 1
    assert "no video stream" in sample["failures"][0][1]


def view_clips(items, sampling=SAMPLING, spread=3, crops=1, size=48):
    frames = EvalFrames(TestGeometry(size, size, num_crops=crops), sampling.num_frames)
    return ClipDataset(
        items, FixedViews(sampling, spread), [frames, LabelReader(items)], crops=crops
    )


def test_test_files_are_never_replaced(with_bad):
    sample = view_clips(with_bad)[1]
    assert sample["valid"] is False
    assert (sample["index"], sample["label"]) == (1, 1)
    assert sample["video"].shape == (3, 3, 4, 48, 48)
    assert not sample["video"].any()
    assert "bad.mp4" in sample["failures"][0][1]
    assert view_clips(with_bad)[0]["valid"] is True


@pytest.mark.parametrize("sampling", [StrideSampling(4, 4), DurationSampling(8, 16.0)], ids=str)
def test_all_views_equal_views_read_one_by_one(paths, sampling):
    from slowfast.datasets.media import open_media

    videos = ItemTable(paths, [0] * 4, [], "list")
    clips = view_clips(videos, sampling, crops=3)
    assert clips.views_per_item == 9
    together = clips[2]["video"]
    alone = []
    geometry = TestGeometry(48, 48, num_crops=3)
    with open_media(paths[2]) as media:
        for frames in sampling.views(media.video, 3):
            alone += [crop.transpose(0, 1) for crop in geometry(media.read_frames(frames))]
    assert torch.equal(together, torch.stack(alone))


def test_validation_takes_the_centre_clip(paths):
    videos = ItemTable(paths, [0] * 4, [], "list")
    clips = view_clips(videos, spread=0, size=64)
    (view,) = clips[0]["video"]
    assert view.shape == (3, 4, 64, 64)
    assert clips.views_per_item == 1


def test_training_clips_hold_the_drawn_frames(paths):
    videos = ItemTable(paths, [0] * 4, [], "list")
    # A square of the full size, no flip: the frames stay legible.
    geometry = TrainGeometry(96, square=96, flip=False)
    sample = train_clips(videos, geometry)[SampleKey(0, 0, 0)]
    numbers = numbers_of(sample["video"][0].transpose(0, 1))
    steps = {b - a for a, b in pairwise(numbers)}
    assert steps <= {4, 5}


def test_several_views_of_a_file_are_drawn_independently(paths):
    items = ItemTable(paths, [0] * 4, [], "list")
    whole = TrainGeometry(96, square=96, flip=False)
    sample = train_clips(items, whole, views=3)[SampleKey(0, 0, 0)]
    assert sample["video"].shape == (3, 3, 4, 96, 96)
    assert sample["color"].shape == (3, 7)
    begins = [numbers_of(view.transpose(0, 1))[0] for view in sample["video"]]
    assert len(set(begins)) > 1
    for begin, (start, end) in zip(begins, sample["time"].tolist(), strict=True):
        assert start == pytest.approx(begin / 30, abs=1e-3)
        assert end - start == pytest.approx((3 * 4 + 1) / 30, abs=0.07)


def test_a_span_of_a_file_is_read_like_a_file(paths):
    whole = ItemTable(paths[:1], [0], [], "list")
    part = ItemTable(paths[:1], [0], [], "list", start=[0.5], end=[1.5])
    with whole.open(0) as media, part.open(0) as span:
        assert (span.video.num_frames, span.video.start) == (30, 0.5)
        assert torch.equal(span.read_frames([0, 29]), media.read_frames([15, 44]))
    assert view_clips(part)[0]["valid"] is True
    assert whole.fingerprint() != part.fingerprint()
    late = ItemTable(paths[:1], [0], [], "list", start=[7.0], end=[8.0])
    assert "no frame between 7 and 8 s" in view_clips(late)[0]["failures"][0][1]


def flat(batches):
    return [list(batch) for batch in batches]


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_the_same_global_batches(world):
    alone = flat(TrainBatches(40, 6, 2, seed=3))
    parts = [TrainBatches(40, 6 // world, 2, 3, rank, world) for rank in range(world)]
    joined = [list(chain(*batches)) for batches in zip(*map(flat, parts), strict=True)]
    assert joined == alone


def test_an_epoch_goes_on_at_any_batch():
    batches = TrainBatches(23, 4, seed=1)
    batches.set_position(3)
    whole = flat(batches)
    for start in range(len(whole) + 1):
        batches.set_position(3, start)
        assert flat(batches) == whole[start:]
    assert len(batches) == 5


def test_every_file_comes_once_per_pass():
    batches = TrainBatches(12, 4, clips_per_video=3)
    rows = [key.index for batch in batches for key in batch]
    for begin in range(0, 36, 12):
        assert sorted(rows[begin : begin + 12]) == list(range(12))
    assert [key.position for batch in batches for key in batch] == list(range(36))


def test_epochs_and_seeds_shuffle_differently():
    orders = {tuple(TrainBatches(50, 5, seed=seed).order(e)) for seed in (0, 1) for e in (0, 1)}
    assert len(orders) == 4


def test_less_than_one_batch_is_refused():
    with pytest.raises(ConfigError, match=r"TRAIN.BATCH_SIZE"):
        TrainBatches(3, 2, world_size=2)


@pytest.mark.parametrize("count", [1, 7, 8, 9])
@pytest.mark.parametrize("world", [1, 2, 3])
def test_evaluation_sees_every_sample_exactly_once(count, world):
    parts = [EvaluationBatches(count, 3, rank, world) for rank in range(world)]
    rows = [row for part in parts for batch in part for row in batch]
    assert sorted(rows) == list(range(count))
    assert all(len(flat(part)) == len(part) for part in parts)
