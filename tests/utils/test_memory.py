import os

import numpy as np
import pytest

from slowfast.utils.memory import CLEAR, STATUS, peak_megabytes

TELLS = STATUS.exists() and os.access(CLEAR, os.W_OK)


@pytest.mark.skipif(not TELLS, reason="only Linux tells")
def test_what_a_work_takes_for_a_moment_is_seen():
    assert peak_megabytes(lambda: np.ones(1000).sum()) < 80
    assert 140 < peak_megabytes(lambda: np.ones(20_000_000).sum()) < 260


def test_a_system_that_does_not_tell_gives_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr("slowfast.utils.memory.CLEAR", tmp_path / "no folder" / "file")
    assert peak_megabytes(lambda: None) is None
