"""Distances between sets of feature vectors, and an interval for a share. Numpy only, in double precision."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float64]  # (number, features)

NORMAL_95 = 1.959963984540054  # of the standard normal distribution, 95 in 100 lie within


def frechet(one: Vectors, other: Vectors) -> float:
    """The Fréchet distance of two Gaussians with the means and covariances of the sets (FID, arXiv 1706.08500)."""
    return gaussian_frechet(one.mean(axis=0), _covariance(one), other.mean(axis=0), _covariance(other))


def gaussian_frechet(mean: Vectors, covariance: Vectors, other_mean: Vectors, other_covariance: Vectors) -> float:
    """|m - n|² + tr(C + D - 2 (C D)^½). The root's trace by eigenvalues of C^½ D C^½, which is symmetric."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(values.clip(min=0.0)) @ vectors.T
    products = np.linalg.eigvalsh(root @ other_covariance @ root).clip(min=0.0)
    apart = float(((mean - other_mean) ** 2).sum())
    spread = float(np.trace(covariance) + np.trace(other_covariance) - 2.0 * np.sqrt(products).sum())
    return max(apart + spread, 0.0)


def kernel_distance(one: Vectors, other: Vectors) -> float:
    """The unbiased squared MMD under (x·y / d + 1)³ (KID, arXiv 1801.01401), over all pairs, not over subsets.

    It may be slightly negative: that is what makes it right on average.
    """
    count, rest = len(one), len(other)
    own, others, between = _kernel(one, one), _kernel(other, other), _kernel(one, other)
    within = (own.sum() - np.trace(own)) / (count * (count - 1))
    within += (others.sum() - np.trace(others)) / (rest * (rest - 1))
    return float(within - 2.0 * between.mean())


def wilson(successes: int, trials: int, *, z: float = NORMAL_95) -> tuple[float, float]:
    """The interval of a share (Wilson 1927): right also for few trials and shares near 0 and 1."""
    share = successes / trials
    width = z * z / trials
    middle = (share + width / 2) / (1 + width)
    reach = z / (1 + width) * math.sqrt(share * (1 - share) / trials + width / (4 * trials))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _covariance(vectors: Vectors) -> Vectors:
    return np.atleast_2d(np.cov(vectors, rowvar=False))


def _kernel(one: Vectors, other: Vectors) -> Vectors:
    return (one @ other.T / one.shape[1] + 1.0) ** 3
