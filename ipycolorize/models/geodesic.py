"""Ways over a photograph: how far is it from a hint to each place if every change of lightness costs.

    D(x, h) = min over paths from h to x of the sum of step costs

the generalised geodesic distance transform (Toivanen 1996; Criminisi et al. 2008) on a grid of cells of
`CELL` x `CELL` pixels with eight neighbours. A cell costs what L changes inside it, the largest step rather
than the mean, so that a thin line still closes a shape; what changes little is texture and costs nothing, and
what changes by more than half of all there is, ink for example, is a wall. A network may make a cell dearer
or cheaper than that. A step costs the mean of its two cells times its length.

Two ways lead to the same distances: Dijkstra's algorithm, for one hint after the other while a person edits,
and row sweeps in torch, for all hints of a batch at once and with gradients, while a network learns.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from torch import Tensor

CELL = 4  # pixels
TEXTURE = 0.1  # of L's whole range: what changes by less costs nothing
INK, WALL = 0.5, 60.0  # of the range; and what the square of anything beyond it costs in addition
ROUNDS = 2  # of four sweeps each; 1 % from exact on photographs
FAR = 1e4  # longer than any way
LEAST = 1e-6  # of a step: stored zeros would vanish from a sparse matrix, and with them the way


def lightness_range(lightness: Tensor) -> Tensor:
    """How much L changes inside each cell, its neighbours to the right and below included.

    Args:
        lightness: ``(N, 1, H, W)`` in [0, 100], sides divisible by `CELL`.

    Returns:
        ``(N, 1, H/CELL, W/CELL)`` in units of the whole range of L.
    """
    reach = F.pad(lightness, (0, 1, 0, 1), mode="replicate")
    most, least = F.max_pool2d(reach, CELL + 1, CELL), F.max_pool2d(-reach, CELL + 1, CELL)
    return (most + least) / 100


def border_cost(lightness: Tensor) -> Tensor:
    """What a way through each cell costs, as far as L tells.

    Args:
        lightness: as `lightness_range` takes it.

    Returns:
        ``(N, 1, H/CELL, W/CELL)``, at least 0.
    """
    change = lightness_range(lightness)
    return (change - TEXTURE).clamp(min=0) + WALL * (change - INK).clamp(min=0).square()


def sweep(cost: Tensor, picture: Tensor, row: Tensor, col: Tensor, *, rounds: int | None = None) -> Tensor:
    """Distances of M hints by row sweeps, differentiable in the costs.

    Args:
        cost: ``(N, h, w)`` of the cells, at least 0.
        picture: ``(M,)`` index of each hint's picture.
        row, col: ``(M,)`` index of each hint's cell.
        rounds: of sweeps down, up, right and left; None: `ROUNDS`.

    Returns:
        ``(M, h, w)``.
    """
    _, height, width = cost.shape
    start = torch.full((len(picture), height, width), FAR, dtype=cost.dtype, device=cost.device)
    start[torch.arange(len(picture), device=cost.device), row, col] = 0
    steps = _steps(cost)[picture], _steps(cost.transpose(1, 2))[picture]
    distance = start
    for _ in range(ROUNDS if rounds is None else rounds):
        distance = _down_and_up(distance, steps[0])
        distance = _down_and_up(distance.transpose(1, 2), steps[1]).transpose(1, 2)
    return distance


def _steps(cost: Tensor) -> Tensor:
    """Cost of the steps from the three nearest cells of each row to the next: ``(N, h - 1, 3, w)``."""
    above, here = F.pad(cost[:, :-1], (1, 1), value=2 * FAR), cost[:, 1:]
    width = cost.shape[-1]
    sides = [(above[..., shift : shift + width] + here) / 2 for shift in range(3)]
    return torch.stack([math.sqrt(2) * sides[0], sides[1], math.sqrt(2) * sides[2]], dim=2)


def _down_and_up(distance: Tensor, steps: Tensor) -> Tensor:
    """``(M, h, w)`` distances, made shorter by ways from one row to the next, down and then up.

    Args:
        distance: so far.
        steps: ``(M, h - 1, 3, w)``; going up, the step to a cell costs what the step from it did going down.
    """
    rows, down = (
        list(distance.unbind(1)),
        steps.unbind(1),
    )  # unbind: a slice's gradient is as large as the whole
    for number in range(1, len(rows)):
        reached = (_neighbours(rows[number - 1]) + down[number - 1]).amin(1)
        rows[number] = torch.minimum(rows[number], reached)
    # the step (r, c) -> (r + 1, c + d) is stored at its end, so that going up it lies d further
    left, straight, right = F.pad(steps, (1, 1), value=FAR).unbind(2)
    up = torch.stack([right[..., :-2], straight[..., 1:-1], left[..., 2:]], dim=2).unbind(1)
    for number in reversed(range(len(rows) - 1)):
        reached = (_neighbours(rows[number + 1]) + up[number]).amin(1)
        rows[number] = torch.minimum(rows[number], reached)
    return torch.stack(rows, dim=1)


def _neighbours(row: Tensor) -> Tensor:
    """``(M, w)`` to the values left of, at and right of each place: ``(M, 3, w)``."""
    padded = F.pad(row, (1, 1), value=FAR)
    return padded.unfold(1, 3, 1).transpose(1, 2)


@lru_cache(maxsize=8)
def _grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Start, end and length of every step between neighbouring cells, both ways, sorted by start and end."""
    index = np.arange(height * width).reshape(height, width)
    pairs = [
        (index[:, :-1], index[:, 1:], 1.0), (index[:-1], index[1:], 1.0),
        (index[:-1, :-1], index[1:, 1:], math.sqrt(2)), (index[:-1, 1:], index[1:, :-1], math.sqrt(2)),
    ]  # fmt: skip
    start = np.concatenate([side.ravel() for one, other, _ in pairs for side in (one, other)])
    end = np.concatenate([side.ravel() for one, other, _ in pairs for side in (other, one)])
    length = np.concatenate([np.full(2 * one.size, far) for one, _, far in pairs])
    order = np.lexsort((end, start))
    return start[order], end[order], length[order]


class Ways:
    """Distances over one photograph, each computed once.

    Args:
        cost: ``(h, w)`` of the cells, on any device.
        most: distances kept.
    """

    def __init__(self, cost: Tensor, *, most: int = 2048) -> None:
        self.shape = (cost.shape[0], cost.shape[1])
        flat = cost.detach().double().cpu().numpy().ravel()
        start, end, length = _grid(*self.shape)
        each = np.maximum((flat[start] + flat[end]) / 2 * length, LEAST)
        starts = np.concatenate([[0], np.cumsum(np.bincount(start, minlength=flat.size))])
        self._graph = csr_matrix((each, end, starts), shape=(flat.size, flat.size))
        self._most = most
        self._kept: dict[int, Tensor] = {}

    def distance(self, cells: list[int]) -> Tensor:
        """Distances from cells, by their flat index: ``(len(cells), h, w)`` float32 on the CPU."""
        missing = [cell for cell in dict.fromkeys(cells) if cell not in self._kept]
        if missing:
            found = torch.from_numpy(dijkstra(self._graph, indices=missing)).float()
            if len(self._kept) + len(missing) > self._most:
                self._kept = {cell: self._kept[cell] for cell in cells if cell in self._kept}
            self._kept.update(zip(missing, found, strict=True))
        return torch.stack([self._kept[cell] for cell in cells]).view(-1, *self.shape)
