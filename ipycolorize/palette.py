"""Suggested colours: what a network thinks likely at one place (paper 3.2, "data-driven color palette").

The distribution over the ab bins is softened, and weighted k-means over the bin centres finds its modes.
Every bin takes part with its own weight, so nothing is drawn at random and the same place gives the same
palette.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

COLORS = 9  # K of the paper
SOFTEN = 1.6  # temperature of the softmax at the pixel, so that likely colours do not hide the possible ones
FLOOR = 0.01  # bins below this share of the likeliest are noise, not a suggestion
ROUNDS = 30  # of k-means; it settles long before


@dataclass(frozen=True)
class Swatch:
    """A suggested colour.

    Attributes:
        rgb: as a screen shows it at the place's own lightness, 0..255.
        ab: in Lab units, inside the sRGB gamut at that lightness.
        share: of the probability, in [0, 1].
    """

    rgb: tuple[int, int, int]
    ab: tuple[float, float]
    share: float


def modes(
    probabilities: np.ndarray, centers: np.ndarray, *, count: int = COLORS
) -> list[tuple[float, float, float]]:
    """Modes of a distribution over ab bins.

    Args:
        probabilities: ``(Q,)``, summing to 1.
        centers: ``(Q, 2)`` of the bins, Lab units.
        count: clusters at most.

    Returns:
        (a, b, share) of each, most likely first; shares are of the distribution before softening.
    """
    from sklearn.cluster import KMeans  # takes a second to import; only palettes need it

    kept = probabilities >= FLOOR * probabilities.max()
    points, shares = centers[kept].astype(np.float64), probabilities[kept].astype(np.float64)
    weights = shares ** (1 / SOFTEN)
    count = min(count, len(points))
    fit = KMeans(count, init=_spread(points, weights, count), n_init=1, max_iter=ROUNDS)
    labels = fit.fit_predict(points, sample_weight=weights)
    mass = np.bincount(labels, shares, minlength=count)
    order = np.argsort(-mass, kind="stable")
    found = [(*map(float, fit.cluster_centers_[index]), float(mass[index])) for index in order]
    return [(a, b, share) for a, b, share in found if share > 0]


def _spread(points: np.ndarray, weights: np.ndarray, count: int) -> np.ndarray:
    """First centres without chance: the heaviest, then always the most weight x squared distance left."""
    chosen = [int(weights.argmax())]
    distance = np.full(len(points), np.inf)
    while len(chosen) < count:
        distance = np.minimum(distance, ((points - points[chosen[-1]]) ** 2).sum(1))
        chosen.append(int((weights * distance).argmax()))
    return points[chosen]
