"""Influence: which hint coloured a pixel, how far a hint reaches, and how the picture answers to its colour.

Two ways to say which hint coloured a pixel:

- *weights*: the w(x, h) that `live` colours with, and along which flows what is missing at the hints after
  that. They are shares: with that of the photograph itself, whose automatic colour stays where no hint wins,
  they sum to 1.
- *leave-one-out*: how far the colour moves, in Lab units of ab, when a hint is taken away. It can be asked of
  every network. Two hints that say the same vouch for each other: neither is missed.

Nothing here changes a session: every "what if" is decoded beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F

from .frame import Frame
from .hints import Hint
from .models.live import Live
from .render import Colors, render
from .session import Session

Kind = Literal["weights", "leave-one-out"]
NOTICED = 2.3  # Lab units: the least difference between two colours that people notice (Mahy et al. 1994)
PALE, FLAT = 38.0, 0.5  # L of a map is PALE + FLAT L: sRGB has vivid colours there, and shapes still show
CHROMA, START = 52.0, 70.0  # of the maps' colours; degrees, the first hint's hue


@dataclass(frozen=True, eq=False)
class Influence:
    """Of each hint on each pixel.

    Attributes:
        kind: whether the values are shares or Lab units.
        hints: K of them, those whose colour somebody has chosen.
        maps: ``(K, h, w)`` float32 on the network's grid, not negative.
        null: ``(h, w)`` the photograph's own: its share, or 2.3 Lab units, below which nobody sees a change.
        frame: between the photograph and the grid.
    """

    kind: Kind
    hints: tuple[Hint, ...]
    maps: np.ndarray
    null: np.ndarray
    frame: Frame

    @cached_property
    def owner(self) -> np.ndarray:
        """``(h, w)``: number in `hints` of the one with the most influence; -1 where it is the photograph."""
        return np.concatenate([self.null[None], self.maps]).argmax(axis=0) - 1

    def at(self, row: int, col: int) -> list[tuple[Hint | None, float]]:
        """Who has how much influence on a pixel of the photograph, most first; None is the photograph."""
        here = self._pixel(row, col)
        values = [(None, float(self.null[here])), *zip(self.hints, self.maps[:, *here].tolist(), strict=True)]
        return sorted(values, key=lambda item: -item[1])

    def owner_at(self, row: int, col: int) -> Hint | None:
        """The hint that coloured a pixel of the photograph; None where that was the photograph itself."""
        number = int(self.owner[self._pixel(row, col)])
        return None if number < 0 else self.hints[number]

    def _pixel(self, row: int, col: int) -> tuple[int, int]:
        here = self.frame.to_grid(row, col)
        last = [side - 1 for side in self.frame.grid]
        return min(max(round(here[0]), 0), last[0]), min(max(round(here[1]), 0), last[1])


def influence(session: Session, kind: Kind | None = None) -> Influence:
    """Which hint coloured what, in the session's present state.

    Args:
        session: with any number of hints, and perhaps a mood.
        kind: None takes the weights where the network has them (`live`), else leave-one-out, which decodes
            once for each hint.

    Raises:
        ValueError: weights are asked of a network that has none.
    """
    with session.lock:
        hints = session.painter.latest(hint for hint in session.hints if hint.weight > 0)
        has_weights = isinstance(session.network, Live)
        kind = kind or ("weights" if has_weights else "leave-one-out")
        if kind == "weights" and not has_weights:
            raise ValueError(
                f"expected live, which colours by weights, got {session.network_name}; ask for leave-one-out"
            )
        maps = (_weights if kind == "weights" else _leave_one_out)(session, hints)
    null = 1 - maps.sum(axis=0) if kind == "weights" else np.full(maps.shape[1:], NOTICED, np.float32)
    return Influence(kind, hints, maps, null, session.frame)


def _weights(session: Session, hints: tuple[Hint, ...]) -> np.ndarray:
    painter, network, (height, width) = session.painter, session.network, session.frame.grid
    assert isinstance(network, Live)
    if not hints:
        return np.zeros((0, height, width), np.float32)
    batch = painter.batch(hints)
    with torch.inference_mode():
        shares = network.weights(painter.features(), batch, **painter.asked(session.mood))
        shares = F.interpolate(shares, scale_factor=2, mode="bilinear")  # the way the colours are enlarged
    return shares[0, :, :height, :width].cpu().numpy()


def _leave_one_out(session: Session, hints: tuple[Hint, ...]) -> np.ndarray:
    painter, mood = session.painter, session.mood
    full = painter.ab(hints, mood)
    changes = [
        (full - painter.ab((*hints[:number], *hints[number + 1 :]), mood)).norm(dim=0)
        for number in range(len(hints))
    ]
    return torch.stack(changes).numpy() if changes else np.zeros((0, *full.shape[1:]), np.float32)


# -- maps to look at -----------------------------------------------------------------------------------------


def tint(number: int) -> tuple[float, float]:
    """(a, b) of the colour that stands for a hint on a map: the first 8 have hues at least 45 degrees apart.

    The hues halve the circle again and again (van der Corput's sequence).
    """
    turn, step = 0.0, 0.5
    while number:
        turn, step, number = turn + step * (number % 2), step / 2, number // 2
    angle = math.radians(START + 360 * turn)
    return CHROMA * math.cos(angle), CHROMA * math.sin(angle)


def owner_map(session: Session, found: Influence, shape: tuple[int, int] | None = None) -> np.ndarray:
    """The photograph in the colours of its owners: ``(H, W, 3)`` uint8, at its own size or any other.

    What a hint coloured has the hint's `tint`, and what the photograph kept for itself stays grey.
    """
    tints = np.array([(0.0, 0.0), *(tint(number) for number in range(len(found.hints)))], np.float32)
    ab = torch.from_numpy(tints[found.owner + 1]).permute(2, 0, 1)[None]
    with session.lock:
        colors = Colors.of_prediction(session.painter.lightness, ab)
        lightness = session.painter.lightness_at_size(shape)
    return render(PALE + FLAT * lightness, colors)


# -- how far, how true, how evenly ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Reach:
    """How far one hint changes the picture by more than people notice.

    Attributes:
        hint: which.
        farthest: distance to the farthest pixel that changes, photo pixels; 0 where nothing does.
        diagonal: the same as a share of the photograph's diagonal.
        share: of the photograph's pixels that change.
    """

    hint: Hint
    farthest: float
    diagonal: float
    share: float


def reach(found: Influence) -> list[Reach]:
    """How far each hint reaches.

    Raises:
        ValueError: the influence is given in weights: reach is measured in colours.
    """
    if found.kind != "leave-one-out":
        raise ValueError('expected influence by leave-one-out, got weights: ask for kind="leave-one-out"')
    (photo_height, photo_width), (height, width) = found.frame.photo, found.frame.grid
    rows = (np.arange(height) + 0.5) * photo_height / height - 0.5
    cols = (np.arange(width) + 0.5) * photo_width / width - 0.5
    answers = []
    for hint, change in zip(found.hints, found.maps, strict=True):
        changed = change > NOTICED
        distance = np.hypot((rows - hint.row)[:, None], cols - hint.col)
        farthest = float(distance[changed].max(initial=0.0))
        diagonal = farthest / math.hypot(photo_height, photo_width)
        answers.append(Reach(hint, farthest, diagonal, float(changed.mean())))
    return answers


@dataclass(frozen=True)
class Trust:
    """How far the picture is from what a hint says, on the hint's own patch.

    Attributes:
        hint: which.
        distance: mean distance in ab over the patch, Lab units; nan where later hints cover it all.
    """

    hint: Hint
    distance: float


def trust(session: Session) -> list[Trust]:
    """How far each hint is from being obeyed."""
    with session.lock:
        hints = tuple(hint for hint in session.hints if hint.weight > 0)
        shown = session.painter.ab(hints, session.mood)
        patches = _patches(session, hints)
    answers = []
    for hint, patch in zip(hints, patches, strict=True):
        wanted = torch.tensor(hint.ab)[:, None]
        missed = (shown[:, patch] - wanted).norm(dim=0)
        answers.append(Trust(hint, missed.mean().item() if missed.numel() else math.nan))
    return answers


def _patches(session: Session, hints: tuple[Hint, ...]) -> torch.Tensor:
    """Pixels of the grid that show each hint's colour, ``(K, h, w)`` bool: a later patch covers an older."""
    grid = session.frame.grid
    masks = [session.painter.batch((hint,)).mask[0, 0].cpu() > 0 for hint in hints]
    covered = torch.zeros(grid, dtype=torch.bool)
    for number in range(len(hints) - 1, -1, -1):
        masks[number], covered = masks[number] & ~covered, covered | masks[number]
    return torch.stack(masks) if masks else torch.zeros((0, *grid), dtype=torch.bool)
