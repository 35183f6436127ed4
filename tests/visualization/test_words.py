"""Names of measures in words."""

import pytest

from slowfast.visualization.words import readable


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("top1_acc", "top-1 accuracy, %"),
        ("ucf101/top5_acc", "ucf101/top-5 accuracy, %"),
        ("half_top1_acc", "top-1 accuracy among half of the classes, %"),
        ("half_top1_std", "deviation of top-1 accuracy among half of the classes, %"),
        ("v2a_r5", "frames → audio R@5, %"),
        ("retrieval_r1", "retrieval R@1, %"),
        ("chance_r1", "chance of R@1, %"),
        ("chance_top1", "chance of top-1 accuracy, %"),
        ("map", "mAP, %"),
        ("chance_map", "chance of mAP, %"),
        ("loss_v2a", "loss_v2a"),
    ],
)
def test_measures_in_words(name, words):
    assert readable(name) == words
