"""Intervals and deviations."""

import pytest

from slowfast.evaluation.uncertainty import accuracy_interval, mean_and_deviation


@pytest.mark.parametrize(
    ("percent", "count", "expected"),
    [(50.0, 96, (40.19, 59.81)), (0.0, 20, (0.0, 16.11)), (100.0, 20, (83.89, 100.0))],
)
def test_the_interval_of_an_accuracy_is_wilsons(percent, count, expected):
    found = accuracy_interval(percent, count)
    assert found == pytest.approx(expected, abs=0.005)


def test_means_and_deviations_over_runs():
    means, deviations = mean_and_deviation({"a": [1.0, 3.0], "b": [1.0, None], "c": [2.0]})
    assert means == {"a": 2.0, "b": None, "c": 2.0}
    assert deviations == {"a": pytest.approx(2**0.5), "b": None, "c": 0.0}
