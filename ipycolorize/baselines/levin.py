"""Colorization as optimization: Levin, Lischinski and Weiss 2004.

"Colorization using optimization" (SIGGRAPH): neighbours of like lightness have like colours, and what is
revealed stays. Every other pixel r is the average of its eight neighbours s,

    ab(r) = sum_s w_rs ab(s),    w_rs ∝ exp(-(Y(r) - Y(s))² / s_r),    sum_s w_rs = 1

with s_r = 0.6 of the variance of Y in the 3 x 3 window around r, but not so small that even the likest
neighbour would count less than 0.01, and at least 0.000002. This is the system and these are the constants of
the authors' own code (colorize.m, `getColorExact`); the published formula writes 2 σ_r² for s_r. Their Y is
that of YIQ, in [0, 1]; ours is L / 100.

What is ours is how the system is solved: revealed pixels move to the right hand side, the others are put in
the order of nested dissection (George 1973) and factorised without pivoting, which the dominant diagonal
allows. The solution is exact and depends on nothing that was asked before.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from .propagator import Propagator

SPREAD = 0.6  # of the variance in a window
LIKEST = 0.01  # least weight of the likest neighbour, before they are normalised
FLAT = 2e-6  # least s_r, for Y in [0, 1]
LEAF = 8  # pixels that nested dissection does not divide any further
AROUND = [(row, col) for row in (-1, 0, 1) for col in (-1, 0, 1) if (row, col) != (0, 0)]


@dataclass(frozen=True)
class Affinities:
    """The system of one photograph, before anything is revealed.

    Attributes:
        order: ``(H W,)`` pixels, row by row, in the order of elimination.
        system: ``(H W, H W)`` sparse, 1 - w in that order.
    """

    order: np.ndarray
    system: sparse.csc_matrix


class Levin(Propagator):
    """Edit propagation by a sparse linear system; see the module's docstring."""

    name = "levin"

    def _study(self, lightness: np.ndarray) -> Affinities:
        order = nested_dissection(*lightness.shape)
        system = sparse.identity(lightness.size) - affinities(lightness)
        return Affinities(order, system.tocsr()[order][:, order].tocsc())

    def _spread(self, studied: Affinities, known: np.ndarray, raster: np.ndarray) -> np.ndarray:
        colours = raster.reshape(2, -1).T.copy()  # (H W, 2)
        given = known.ravel()[studied.order]
        asked, told = studied.order[~given], studied.order[given]
        columns = studied.system[:, ~given]
        right = -(studied.system[:, given][~given] @ colours[told])
        # pivots on the diagonal in the order that is given; see the module's docstring
        factors = splu(
            columns[~given], permc_spec="NATURAL", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
        )
        colours[asked] = factors.solve(right)
        return colours.T.reshape(raster.shape)


def affinities(lightness: np.ndarray) -> sparse.csr_matrix:
    """The weights w_rs of the module's docstring.

    Args:
        lightness: L ``(H, W)`` in [0, 100].

    Returns:
        ``(H W, H W)`` sparse: in row r eight weights, or fewer at the border, summing to 1.
    """
    height, width = lightness.shape
    here = lightness / 100
    framed = np.pad(here, 1, constant_values=np.nan)  # the border has fewer neighbours
    near = np.stack([framed[1 + r : 1 + r + height, 1 + c : 1 + c + width] for r, c in AROUND])
    variance = np.nanvar(np.concatenate([near, here[None]]), axis=0)
    apart = np.square(near - here)
    width_of = np.maximum(SPREAD * variance, np.nanmin(apart, axis=0) / -np.log(LIKEST))
    weights = np.exp(-apart / np.maximum(width_of, FLAT))
    weights /= np.nansum(weights, axis=0)
    pixel = np.arange(height * width).reshape(height, width)
    step = np.array([r * width + c for r, c in AROUND])[:, None, None]
    inside = np.isfinite(weights)
    rows = np.broadcast_to(pixel, weights.shape)[inside]
    return sparse.csr_matrix(
        (weights[inside], (rows, (pixel + step)[inside])), shape=(height * width, height * width)
    )


@lru_cache(maxsize=4)
def nested_dissection(height: int, width: int) -> np.ndarray:
    """The order in which to eliminate the pixels of a grid: halves first, the line between them last."""
    pixel = np.arange(height * width).reshape(height, width)

    def parts(piece: np.ndarray) -> list[np.ndarray]:
        if piece.size <= LEAF:
            return [piece.ravel()]
        piece = piece if piece.shape[0] >= piece.shape[1] else piece.T
        middle = len(piece) // 2
        return [*parts(piece[:middle]), *parts(piece[middle + 1 :]), piece[middle]]

    return np.concatenate(parts(pixel))
