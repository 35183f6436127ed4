import numpy as np
import pytest

from slowfast.utils.memory import STATUS, peak_megabytes


@pytest.mark.skipif(not STATUS.exists(), reason="only Linux tells")
def test_what_a_work_takes_for_a_moment_is_seen():
    few = peak_megabytes(lambda: np.ones(1000).sum())
    much = peak_megabytes(lambda: np.ones(20_000_000).sum())
    assert few is None or (few < 80 and 140 < much < 260)
