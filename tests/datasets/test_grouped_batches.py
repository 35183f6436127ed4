"""Several clips of one opening: apart in batches, the same samples, and any place to resume at."""

from collections import Counter
from itertools import chain

import pytest
import torch

from slowfast.datasets.clips import ClipDataset
from slowfast.datasets.items import ItemTable
from slowfast.datasets.readers import AudioReader, LabelReader, TrainFrames
from slowfast.datasets.sample import SampleKey
from slowfast.datasets.samplers import GroupedBatches
from slowfast.datasets.sampling.temporal import DurationSampling
from slowfast.datasets.sampling.windows import AVClipSampler
from slowfast.datasets.transforms import TrainGeometry
from slowfast.datasets.views import RandomViews
from slowfast.utils.errors import ConfigError


def grouped(files=50, size=4, clips=6, several=3, **options):
    return GroupedBatches(several, files, size, clips_per_video=clips, seed=1, **options)


@pytest.mark.parametrize(("files", "size"), [(50, 4), (9, 4), (4, 4), (130, 16)])
def test_clips_of_one_opening_meet_in_no_batch_and_come_soon(files, size):
    batches = grouped(files, size)
    groups = list(batches)
    keys = list(chain(*groups))
    assert len(keys) == size * len(batches) == files // size * size * 6
    assert [key.position for key in keys] == list(range(len(keys)))
    for begin in range(0, len(keys), size):
        assert len({key.index for key in keys[begin : begin + size]}) == size
    for group in groups:
        counts = Counter(key.index for key in group)
        assert set(counts.values()) == {3} and len(group) <= 8 * 3 * size
    orders = {tuple(key.index for key in group[: len(group) // 3]) for group in groups}
    assert len(orders) == len(groups)


@pytest.mark.parametrize("world", [2, 4])
def test_processes_share_grouped_batches_and_keep_their_files(world):
    alone = list(chain(*grouped(70, 8)))
    parts = [grouped(70, 8 // world, rank=rank, world_size=world) for rank in range(world)]
    keys = [list(chain(*part)) for part in parts]
    joined = sorted(chain(*keys), key=lambda key: key.position)
    assert joined == alone
    assert all(set(Counter(key.index for key in own).values()) <= {3, 6} for own in keys)


def test_a_grouped_epoch_goes_on_at_any_batch_and_ends_where_it_is_told():
    batches = grouped()
    batches.set_position(3)
    whole = list(chain(*batches))
    for start in range(len(batches) + 1):
        batches.set_position(3, start)
        assert list(chain(*batches)) == whole[4 * start :]
    short = grouped(max_samples=30)
    assert len(short) == 7 and len(list(chain(*short))) == 28


def test_clips_per_video_must_divide_into_openings():
    with pytest.raises(ConfigError, match=r"DATA.TRAIN_CLIPS_PER_VIDEO 6 .* DATA.CLIPS_PER_OPEN 4"):
        grouped(several=4)


def test_samples_of_one_opening_are_those_of_separate_ones(media_factory, tmp_path, monkeypatch):
    paths = [str(media_factory(shade=shade, audio_rate=16000)) for shade in range(2)]
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    items = ItemTable([*paths, str(broken)], [0] * 3, [], "list")
    readers = [
        TrainFrames(TrainGeometry(64, (72, 96))),
        AudioReader(0.5, 16000),
        LabelReader(items),
    ]
    rule = RandomViews(DurationSampling(4, 8.0), 2, AVClipSampler(0.5, 0.5, "in_sync"))
    dataset = ClipDataset(items, rule, readers, on_error="replace")
    keys = [SampleKey(1, place, place % 3) for place in range(9)]
    separate = [dataset[key] for key in keys]
    opened = []
    open_item = ItemTable.open
    monkeypatch.setattr(
        ItemTable,
        "open",
        lambda self, row, *rest: (opened.append(row), open_item(self, row, *rest))[1],
    )
    together = dataset.__getitems__(keys)
    assert (opened.count(0) - 1) + (opened.count(1) - 1) == 3  # of the replaced ones
    for one, other in zip(separate, together, strict=True):
        assert one.keys() == other.keys() and one["failures"] == other["failures"]
        for name in ("video", "audio", "color", "time"):
            assert torch.equal(one[name], other[name])
