"""Linear support vector machines on frozen features, as AVID-CMA's authors evaluate audio.

One machine for each class against the rest, on standardised features of every clip; the class of an
item is the one with the largest mean decision value over its clips.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np

MAX_ITERATIONS = 200
TOLERANCE = 1e-4
SOFTENING = 0.01  # added to the deviation of each dimension


class SVMScores(NamedTuple):
    """What the machines say.

    Attributes:
        scores: mean decision values ``(M, C)``; a class without training items scores lowest.
        iterations: of the solver; ``MAX_ITERATIONS`` where it was stopped, as published.
    """

    scores: np.ndarray
    iterations: int


def svm_scores(
    train: np.ndarray,
    labels: np.ndarray,
    test: np.ndarray,
    classes: int,
    c: float = 10.0,
    loss: str = "hinge",
    jobs: int = 1,
) -> SVMScores:
    """Learn from the clips of some items and score others.

    Args:
        train: features ``(N, V, D)``, a row for each clip of each item.
        labels: ``(N,)`` of at least two classes.
        test: ``(M, W, D)``.
        classes: C.
        c: weight of errors against the margin.
        loss: ``hinge`` or ``squared_hinge``.
        jobs: processes, each with a copy of the features, that train classes at the same time; the
            numbers do not depend on it.
    """
    # Imported here: every process of every run imports this module, and few need scikit-learn.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.svm import LinearSVC

    clips = np.asarray(train, np.float32).reshape(-1, train.shape[-1])
    mean, scale = clips.mean(axis=0), clips.std(axis=0) + SOFTENING
    machine = LinearSVC(
        C=c, loss=loss, dual=True, tol=TOLERANCE, max_iter=MAX_ITERATIONS, random_state=0
    )
    machines = OneVsRestClassifier(machine, n_jobs=jobs)
    with warnings.catch_warnings():  # the number of iterations tells
        warnings.simplefilter("ignore", ConvergenceWarning)
        machines.fit((clips - mean) / scale, np.repeat(labels, train.shape[1]))
    rows = ((np.asarray(test, np.float32) - mean) / scale).reshape(-1, test.shape[-1])
    found = np.stack([one.decision_function(rows) for one in machines.estimators_], axis=1)
    if found.shape[1] == 1:  # two classes share a machine
        found = np.concatenate([-found, found], axis=1)
    found = found.reshape(*test.shape[:2], -1).mean(axis=1)
    scores = np.full((len(test), classes), found.min(initial=0.0) - 1.0)
    scores[:, machines.classes_] = found
    iterations = max(int(one.n_iter_) for one in machines.estimators_)
    return SVMScores(scores, iterations)
