"""What a task's rollouts say of k rollouts, exactly: the mean over all subsets of k, and no sampling."""

from collections.abc import Sequence

import numpy as np


def pass_at_k(rollouts: np.ndarray, successes: np.ndarray, most: int) -> np.ndarray:
    """Tasks × (1 … `most`): the chance that of k rollouts at least one succeeds, 1 − C(n−c, k) / C(n, k).

    `rollouts` and `successes` are n and c of each task. nan where a task has fewer than k rollouts.
    """
    n, c = (np.asarray(counts, dtype=float)[:, None] for counts in (rollouts, successes))
    passed: np.ndarray = 1.0 - _share_of_subsets(n - c, n, most)
    return passed


def best_at_k(scores: Sequence[float], outcomes: Sequence[float], most: int) -> np.ndarray:
    """(1 … `most`): what the rollout with the highest score among k is worth, in the mean over all subsets of k.

    Among equal scores each rollout is as likely to be taken. nan where there are fewer than k rollouts.
    """
    _, group, sizes = np.unique(np.asarray(scores, dtype=float), return_inverse=True, return_counts=True)
    worth = np.bincount(group, weights=np.asarray(outcomes, dtype=float)) / sizes
    # Groups × k: that no score of a subset lies above the group's.
    none_above = _share_of_subsets(np.cumsum(sizes, dtype=float)[:, None], np.array([[float(len(scores))]]), most)
    taken = np.diff(none_above, axis=0, prepend=0.0)
    best: np.ndarray = worth @ taken
    return best


def _share_of_subsets(inside: np.ndarray, of: np.ndarray, most: int) -> np.ndarray:
    """C(inside, k) / C(of, k) for k = 1 … `most`, as a product, for the binomials themselves overflow."""
    drawn = np.arange(most)
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = np.maximum(inside - drawn, 0.0) / (of - drawn)
    shares: np.ndarray = np.cumprod(np.where(drawn < of, factors, np.nan), axis=1)
    return shares
