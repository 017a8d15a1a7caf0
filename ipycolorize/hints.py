"""Hints: what a person tells about colours, as immutable values, as JSON, and as tensors for networks.

A `Hint` reveals one colour on a square patch. `Hints` is the state of a picture: every change gives a new
value, so that undo is a list of values. `HintBatch` holds the same in a network's grid: as points, and as the
paper's raster U_l (section 3.2).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .documents import SHOWN, DocumentError, brief, parse_document
from .frame import Frame

FORMAT, VERSION = "ipycolorize-hints", 3  # 1: points alone; 2: with a mood; 3: with reach, regions, vividness
SPOT, THING, EVERYWHERE = 0.0, 0.5, 1.0  # settings of a hint's reach that have a name
Region = tuple[tuple[float, float], ...]  # (row, col) of a polygon's corners, photo pixels
MAX_CORNERS = 1000
MAX_HINTS = 10_000  # in a file
MAX_SIZE = 10**12  # pixels: larger than any photograph, and a number that float64 holds
MAX_AB = 128.0  # no colour of sRGB has |a| or |b| above 108
STROKE_WEIGHT = 0.5  # of each point of a brush stroke
STROKE_SPACING = 4  # pixels from one to the next where the brush is smaller than that


class HintError(ValueError):
    """A hint, or a file of hints, that cannot be used."""


@dataclass(frozen=True)
class Hint:
    """One revealed colour.

    Attributes:
        id: names the hint through moves and changes of colour.
        row, col: centre of the patch, pixels of the original photograph.
        a, b: colour in Lab units; the lightness is always the photograph's.
        size: side of the patch in pixels of the original photograph, at least 1.
        weight: how much it counts, in [0, 1]; 0 for a hint whose colour nobody has chosen yet.
        reach: how far it acts, in [0, 1]: `SPOT` hardly beyond its place, `THING` over what belongs to it,
            `EVERYWHERE` over whatever is like it, with any border between.
        region: polygon that it acts within; None: the whole picture.
    """

    id: int
    row: int
    col: int
    a: float
    b: float
    size: int
    weight: float = 1.0
    reach: float = THING
    region: Region | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.reach <= 1:
            raise HintError(
                f"expected a reach within 0..1 (0 a spot, 0.5 a thing, 1 everywhere), got {self.reach}"
            )
        if self.region is not None:
            _check_region(self.region)
        if not (math.isfinite(self.a) and math.isfinite(self.b) and max(abs(self.a), abs(self.b)) <= MAX_AB):
            raise HintError(f"expected a colour with a and b within -128..128, got ({self.a}, {self.b})")
        if self.size < 1:
            raise HintError(f"expected a patch size of at least 1 pixel, got {self.size}")
        if self.size > MAX_SIZE:
            raise HintError(f"expected a patch size of at most {MAX_SIZE:,} pixels, got {brief(self.size)}")
        if not 0 <= self.weight <= 1:
            raise HintError(f"expected a weight within 0..1, got {self.weight}")

    @property
    def ab(self) -> tuple[float, float]:
        """Colour in Lab units."""
        return self.a, self.b


@dataclass(frozen=True)
class Hints:
    """All hints of one picture, oldest first; changing one gives a new value.

    Attributes:
        items: the hints.
        next_id: the id of the next hint; ids are never used twice, so an undone hint cannot be mistaken for a
            new one.
    """

    items: tuple[Hint, ...] = ()
    next_id: int = 1

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Hint]:
        return iter(self.items)

    def __contains__(self, id: object) -> bool:
        return any(hint.id == id for hint in self.items)

    def __getitem__(self, id: int) -> Hint:
        for hint in self.items:
            if hint.id == id:
                return hint
        raise KeyError(f"no hint {id}; present: {[hint.id for hint in self.items]}")

    def add(
        self,
        row: int,
        col: int,
        ab: tuple[float, float],
        *,
        size: int,
        weight: float = 1.0,
        reach: float = THING,
        region: Region | None = None,
    ) -> tuple[Hints, Hint]:
        """Reveal a colour; returns the new state and the new hint."""
        hint = Hint(
            self.next_id, int(row), int(col), float(ab[0]), float(ab[1]), int(size), float(weight),
            float(reach), region,
        )  # fmt: skip
        return Hints((*self.items, hint), self.next_id + 1), hint

    def stroke(
        self, path: Sequence[tuple[float, float]], ab: tuple[float, float], *, size: int
    ) -> tuple[Hints, tuple[Hint, ...]]:
        """Paint a colour along a line: weak points, evenly spaced, about a brush size apart.

        Args:
            path: (row, col) of the line's corners, photo pixels; one alone is a dab.
            ab: colour in Lab units.
            size: of the brush, photo pixels.

        Returns:
            The new state and the new hints, each of weight `STROKE_WEIGHT`, from the line's start to its end.

        Raises:
            HintError: if there is no path, or a place in it is not finite.
        """
        corners = np.array(path, dtype=float)
        if corners.ndim != 2 or corners.shape[1] != 2 or not np.isfinite(corners).all():
            raise HintError(f"expected a path of (row, col) places, got {path!r}")
        way = np.concatenate([[0.0], np.hypot(*np.diff(corners, axis=0).T).cumsum()])  # to each corner
        steps = np.linspace(0, way[-1], 1 + round(way[-1] / max(size, STROKE_SPACING)))
        state, painted = self, []
        for row, col in zip(*(np.interp(steps, way, line) for line in corners.T), strict=True):
            state, hint = state.add(round(row), round(col), ab, size=size, weight=STROKE_WEIGHT)
            painted.append(hint)
        return state, tuple(painted)

    def _change(self, id: int, **values: Any) -> Hints:
        changed = replace(self[id], **values)
        return replace(self, items=tuple(changed if hint.id == id else hint for hint in self.items))

    def move(self, id: int, row: int, col: int) -> Hints:
        """Put a hint at another place."""
        return self._change(id, row=int(row), col=int(col))

    def recolor(self, id: int, ab: tuple[float, float]) -> Hints:
        """Give a hint a colour; from then on it counts in full."""
        return self._change(id, a=float(ab[0]), b=float(ab[1]), weight=1.0)

    def resize(self, id: int, size: int) -> Hints:
        """Give a hint another patch size."""
        return self._change(id, size=int(size))

    def limit(self, id: int, *, reach: float, region: Region | None) -> Hints:
        """Let a hint act that far, within that region."""
        return self._change(id, reach=float(reach), region=region)

    def remove(self, id: int) -> Hints:
        """Take a hint away."""
        gone = self[id]
        return replace(self, items=tuple(hint for hint in self.items if hint is not gone))

    def at(self, row: float, col: float, *, radius: float) -> Hint | None:
        """The hint that a click here means: the nearest within `radius` photo pixels, the newer of equals."""
        best, reach = None, radius
        for hint in self.items:
            distance = math.hypot(hint.row - row, hint.col - col)
            if distance <= reach:
                best, reach = hint, distance
        return best

    def to_json(self, *, shape: tuple[int, int]) -> dict[str, Any]:
        """Plain data for `json.dump`; `shape` is the (H, W) of the photograph.

        Nothing is rounded, so that the same picture comes back.
        """
        points = [
            {"row": hint.row, "col": hint.col, "ab": [hint.a, hint.b], "size": hint.size}
            | ({} if hint.weight == 1 else {"weight": hint.weight})
            | ({} if hint.reach == THING else {"reach": hint.reach})
            | ({} if hint.region is None else {"region": [list(corner) for corner in hint.region]})
            for hint in self.items
        ]
        limited = any(hint.reach != THING or hint.region is not None for hint in self.items)
        return {"format": FORMAT, "version": VERSION if limited else 1, "shape": list(shape), "hints": points}

    @classmethod
    def from_json(cls, data: Any, *, shape: tuple[int, int], first_id: int = 1) -> Hints:
        """Read what `to_json` wrote, for a photograph of `shape` = (H, W).

        Hints of the same photograph at another resolution are scaled.

        Args:
            data: a dict, or its text or bytes.
            shape: of the photograph that the hints are for.
            first_id: of the first hint; the others follow.

        Raises:
            HintError: naming what is wrong; nothing is guessed.
        """
        data = parse_json(data)
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise HintError(f'expected hints saved by ipycolorize ("format": "{FORMAT}"), got something else')
        if data.get("version") not in list(range(1, VERSION + 1)):
            raise HintError(
                f"expected hints of version 1 to {VERSION}, got version {brief(data.get('version'))}; "
                "update ipycolorize to read it"
            )
        points = data.get("hints")
        if not isinstance(points, list):
            raise HintError(f'expected "hints": [...], a list of points, got {brief(points)}')
        if len(points) > MAX_HINTS:
            raise HintError(f"expected at most {MAX_HINTS:,} points, got {len(points):,}: leave some out")
        frame = _frame_between(shape, data.get("shape", shape))
        hints: list[Hint] = []
        for number, point in enumerate(points, start=1):
            try:
                if not (0 <= point["row"] < frame.grid[0] and 0 <= point["col"] < frame.grid[1]):
                    place = f"row {brief(point['row'])}, col {brief(point['col'])}"
                    raise HintError(
                        f"expected a place inside the photograph, row 0..{frame.grid[0] - 1} and "
                        f"col 0..{frame.grid[1] - 1}, got {place}"
                    )
                row, col = frame.to_photo(point["row"], point["col"])
                size = max(1, round(point["size"] / frame.scale)) if point["size"] >= 1 else 0
                a, b = (0.0 + value for value in point["ab"])  # a sum refuses text, float() would read it
                weight = 0.0 + point.get("weight", 1)
                region = point.get("region")
                hints.append(
                    Hint(
                        first_id + len(hints), row, col, a, b, size, weight, 0.0 + point.get("reach", THING),
                        None if region is None else _scaled_region(region, frame),
                    )
                )  # fmt: skip
            except HintError as error:
                raise HintError(f"hint {number}: {error}") from None
            except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
                raise HintError(
                    f'hint {number}: expected {{"row": int, "col": int, "ab": [a, b], "size": int}}, '
                    f"got {brief(point)} ({type(error).__name__}: {str(error)[:SHOWN]})"
                ) from None
        return cls(tuple(hints), first_id + len(hints))


def check_inside(region: Region, shape: tuple[int, int]) -> None:
    """Make sure that a region lies on the photograph of `shape` = (H, W).

    Raises:
        HintError: a corner lies outside.
    """
    for row, col in region:
        if not (0 <= row <= shape[0] and 0 <= col <= shape[1]):
            raise HintError(
                f"expected a region inside the photograph, rows 0..{shape[0]} and cols 0..{shape[1]}, got a "
                f"corner at row {row:g}, col {col:g}"
            )


def _check_region(region: Any) -> None:
    try:
        corners = [(float(row), float(col)) for row, col in region]
    except (TypeError, ValueError):
        raise HintError(f"expected a region as (row, col) of its corners, got {brief(region)}") from None
    if not 3 <= len(corners) <= MAX_CORNERS:
        raise HintError(f"expected a region of 3 to {MAX_CORNERS} corners, got {len(corners)}")
    if not all(math.isfinite(value) for corner in corners for value in corner):
        raise HintError("expected a region whose corners are finite")


def _scaled_region(region: Any, frame: Frame) -> Region:
    _check_region(region)
    scale = (frame.photo[0] / frame.grid[0], frame.photo[1] / frame.grid[1])
    scaled = tuple((row * scale[0], col * scale[1]) for row, col in region)
    check_inside(scaled, frame.photo)
    return scaled


def parse_json(data: Any) -> Any:
    """The data of JSON given as text or bytes; anything else as it is.

    Raises:
        HintError: text that is not JSON, or more than hints can be.
    """
    if not isinstance(data, str | bytes | bytearray):
        return data
    try:
        return parse_document(data)
    except DocumentError as error:
        raise HintError(f"{error}") from None


def _frame_between(here: tuple[int, int], there: Any) -> Frame:
    """How a photograph that hints were saved for lies over this one: a frame with the former as its grid."""
    try:
        height, width = there
        frame = Frame(photo=(here[0], here[1]), grid=(int(height), int(width)))
    except (TypeError, ValueError, OverflowError):
        raise HintError(f'expected "shape": [height, width], got {brief(there)}') from None
    stretch = (frame.grid[0] * frame.photo[1]) / (frame.grid[1] * frame.photo[0])
    if not 0.98 < stretch < 1.02:
        raise HintError(
            f"expected hints of a photograph shaped like this one, {here[0]} x {here[1]}, "
            f"got hints set on {height} x {width} pixels; open that photograph instead"
        )
    return frame
