"""The seam lab: two colours in one grey square, and the seam between them (paper, section 4.5).

A pad on the scene of figure 8. Its first two points are measured whenever the picture changes; the seam is
drawn over the picture, and beside the controls stands the way from one colour to the other.
"""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from ipywidgets import HTML, Box, Dropdown, IntSlider

from ..color import to_hex
from ..hints import Hint
from ..image import read_photo
from ..seam import DISTANCE, PAIRS, SIDE, SIZE, Seam, measure_picture, place_pair, square_scene
from ..session import Session
from .app import Colorizer
from .gestures import hold, settle
from .lifetime import weakly
from .parts import Wishes, row, section, styled

OWN = "other colours"  # what the list says of colours that the person chose
SPACE = (4, SIDE // 2 - 8)  # distances that keep both points in the square
SIZES = (1, 41)
CSS = """
.ipc-seamlab { display: flex; flex-flow: row wrap; gap: 12px 24px; padding-top: 10px; overflow: visible; }
.ipc-seamlab > .ipc-section { flex: 1 1 230px; min-width: 0; gap: 8px; }
.ipc-pad .ipc-pair { flex: 1 1 0; width: auto; min-width: 0; }
.ipc-pad .ipc-pair select { height: 28px; font-size: 13px; }
.ipc-seam-line polyline { fill: none; stroke: #fff; stroke-width: 1.6px; vector-effect: non-scaling-stroke; }
.ipc-seam-line polyline.ipc-under { stroke: #141414; stroke-width: 3.2px; }
.ipc-list { display: grid; grid-template-columns: auto 1fr; gap: 2px 12px; }
.ipc-list > :nth-child(odd) { color: var(--ipc-soft); }
.ipc-profile svg { display: block; width: 100%; height: 92px; overflow: visible; }
.ipc-profile polyline { fill: none; stroke: var(--ipc-text); stroke-width: 1.5px; }
.ipc-profile polyline, .ipc-profile line { vector-effect: non-scaling-stroke; }
.ipc-profile line { stroke: var(--ipc-line); }
.ipc-profile line.ipc-half { stroke: var(--ipc-accent); stroke-dasharray: 4 3; }
"""


@dataclass(frozen=True)
class SetPair:
    """Give the two points the colours of this pair."""

    name: str


@dataclass(frozen=True)
class SetDistance:
    """Put the two points at this distance in pixels, which may move on."""

    distance: int


@dataclass(frozen=True)
class SetSize:
    """Give the two points patches of this side in pixels, which may move on."""

    size: int


class SeamLab(Colorizer):
    """A grey square with two points of different colours, in a pad that measures their seam.

    Choose a pair of colours, the points' distance and their patches' size; drag the points, or give the
    selected one any other colour. The measures are those of `ipycolorize.seam.Seam`, in pixels of the scene
    (256 x 256), of the colours that the screen shows.

    Args:
        network: name or file of weights, or a module; None takes "live", which comes with the package.
        device: "auto", "cpu", "cuda" or "mps".
        height: greatest height of the picture on the screen, in CSS pixels.

    Attributes:
        session: the scene, its points and the network; after changing it from a cell call `refresh`.
        seam: as it was measured last; None while there are no two points.
    """

    def __init__(self, network: Any = None, *, device: str = "auto", height: int | None = 420) -> None:
        rgb, self._inside = square_scene()
        chosen = {} if network is None else {"network": network}
        session = Session(replace(read_photo(rgb), name="seam"), **chosen, device=device)
        self._automatic = session.rgb()
        self.seam: Seam | None = None
        self._wish = wish = Wishes(weakly(self._post))
        self._line = styled(HTML(), "ipc-above", "ipc-seam-line")
        self._measures = styled(HTML(), "ipc-measures")
        self._profile = styled(HTML(), "ipc-profile")
        self._pair = styled(Dropdown(options=[*PAIRS, OWN], value=next(iter(PAIRS))), "ipc-pair")
        self._distance, self._distance_text = _slider("Distance", DISTANCE, SPACE)
        self._size, self._size_text = _slider("Patch", SIZE, SIZES)
        self._pair.observe(lambda change: wish(SetPair(change["new"])), "value")
        self._distance.observe(lambda change: wish(SetDistance(change["new"])), "value")
        self._size.observe(lambda change: wish(SetSize(change["new"])), "value")
        _place(session, PAIRS[self._pair.value], DISTANCE, SIZE)
        super().__init__(session, height=height)
        lab = Box(
            [
                styled(HTML(f"<style>{CSS}</style>"), "ipc-style"),
                section(
                    "Two points",
                    row(self._pair),
                    row(self._distance, self._distance_text),
                    row(self._size, self._size_text),
                ),
                section("Seam", self._measures, self._profile),
            ],
            _dom_classes=["ipc-seamlab"],
        )
        view = self.children[-1].children[0]
        picture, *below = view.children
        picture.children = (*picture.children, self._line)
        view.children = (picture, lab, *below)

    # -- the worker's thread --------------------------------------------------------------------------------

    def _apply(self, event: Any) -> str:
        if not isinstance(event, SetPair | SetDistance | SetSize):
            return super()._apply(event)
        session, points = self.session, self._points()
        if isinstance(event, SetPair):
            self._state = settle(session, self._state)
        if points is None:  # removed: place two again
            session.reset()
            colours = PAIRS.get(self._pair.value, next(iter(PAIRS.values())))
            points = _place(session, colours, self._distance.value, self._size.value)
            self._state = hold(session, self._state)
        match event:
            case SetPair(name) if name in PAIRS:
                for hint, ab in zip(points, PAIRS[name], strict=True):
                    session.recolor(hint.id, ab, record=False)
                session.commit()
            case SetDistance(distance):
                first, second = points
                middle = ((first.row + second.row) / 2, (first.col + second.col) / 2)
                angle = math.degrees(math.atan2(second.row - first.row, second.col - first.col))
                apart = place_pair((first.ab, second.ab), middle=middle, distance=distance, angle=angle)
                for hint, place in zip(points, apart, strict=True):
                    row, col = (min(max(value, 0), SIDE - 1) for value in (place.row, place.col))
                    session.move(hint.id, row, col, record=False)
                self._state = replace(self._state, live=True)
            case SetSize(size):
                for hint in points:
                    session.resize(hint.id, size, record=False)
                self._state = replace(self._state, live=True)
        return ""

    def _show(self, began: float) -> None:
        super()._show(began)
        points = self._points()
        if points is None:
            self.seam = None
            self._tell("Two points make a seam: choose a pair to place them again.", None)
            return
        self.seam = measure_picture(self.session.rgb(), self._automatic, points, inside=self._inside)
        self._tell("", points)
        with self._wish.writing():
            self._mirror(points)

    def _points(self) -> tuple[Hint, Hint] | None:
        """The first two points that have a colour."""
        counting = [hint for hint in self.session.hints if hint.weight > 0]
        return (counting[0], counting[1]) if len(counting) > 1 else None

    def _mirror(self, points: tuple[Hint, Hint]) -> None:
        """Let the controls say what the points are."""
        first, second = points
        distance = math.hypot(second.row - first.row, second.col - first.col)
        now = first.ab + second.ab
        near = [name for name, two in PAIRS.items() if math.dist(two[0] + two[1], now) < 1]
        self._pair.value = near[0] if near else OWN
        if abs(self._distance.value - distance) > 2:  # else it is what the slider asked for, in whole pixels
            self._distance.value = min(max(round(distance), SPACE[0]), SPACE[1])
        self._size.value = min(max(first.size, SIZES[0]), SIZES[1])
        self._distance_text.value = f"{distance:.0f} px"
        self._size_text.value = f"{first.size} px"

    def _tell(self, instead: str, points: tuple[Hint, Hint] | None) -> None:
        seam = self.seam
        shown = seam is not None and not seam.reason and not self._state.before
        self._line.value = _polyline(seam.locus) if seam is not None and shown else ""
        self._measures.value = html.escape(instead) if seam is None else measures_text(seam)
        colours = ("#808080", "#808080")
        if points is not None:
            colours = (to_hex(self.session.color_of(points[0])), to_hex(self.session.color_of(points[1])))
        self._profile.value = "" if seam is None else profile_svg(seam, colours)


def measures_text(seam: Seam) -> str:
    """A seam's measures as HTML; where there is none, why."""
    filled = " · ".join("–" if math.isnan(share) else f"{100 * share:.0f} %" for share in seam.filled)
    lines = {"Filled": f"{filled} of the two sides"}
    if seam.reason:
        lines = {"No seam": html.escape(seam.reason), **lines}
    else:
        towards = "second" if seam.position > 0 else "first"
        position = f"{abs(seam.position):.1f} px towards the {towards} point"
        crosses = "" if seam.complete > 0.995 else f", on {100 * seam.complete:.0f} % of the rows"
        lines = {
            "Position": position + crosses,
            "Roughness": f"{seam.roughness:.1f} px around a line at {seam.tilt:.0f}°".replace("-", "−"),
            "Width": "–" if math.isnan(seam.width) else f"{seam.width:.0f} px from 10 to 90 %",
            "Contrast": f"{100 * seam.contrast:.0f} % of the colours' distance",
            **lines,
        }
    cells = "".join(f"<span>{name}</span><span>{value}</span>" for name, value in lines.items())
    return f'<div class="ipc-list">{cells}</div>'


def profile_svg(seam: Seam, colours: tuple[str, str]) -> str:
    """The way from the first colour (below) to the second (above), over the offset from the middle: SVG."""
    if not len(seam.profile):
        return ""
    reach = abs(seam.profile[0, 0])
    x = 100 * (seam.profile[:, 0] / reach + 1) / 2
    y = 90 - 80 * seam.profile[:, 1].clip(-0.1, 1.1)
    half = "" if math.isnan(seam.position) else f"{50 * (seam.position / reach + 1):.1f}"
    line = f'<line class="ipc-half" x1="{half}" x2="{half}" y1="0" y2="100"/>' if half else ""
    edge = "stroke:rgba(127,127,127,.4);stroke-width:1px;vector-effect:non-scaling-stroke"
    return (
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" '
        'aria-label="From the first colour to the second">'
        '<line x1="0" x2="100" y1="90" y2="90"/><line x1="0" x2="100" y1="10" y2="10"/>'
        f'<rect x="0" y="84" width="3" height="12" fill="{colours[0]}" style="{edge}"/>'
        f'<rect x="97" y="4" width="3" height="12" fill="{colours[1]}" style="{edge}"/>'
        f'{line}<polyline points="{_pairs(np.stack([x, y], 1))}"/></svg>'
    )


def _polyline(locus: np.ndarray) -> str:
    """The seam over the picture, whose pixels' centres have integer coordinates."""
    points = _pairs(locus[:, ::-1] + 0.5)
    return (
        f'<svg viewBox="0 0 {SIDE} {SIDE}" preserveAspectRatio="none">'
        f'<polyline class="ipc-under" points="{points}"/><polyline points="{points}"/></svg>'
    )


def _pairs(places: np.ndarray) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _place(session: Session, colours: Any, distance: int, size: int) -> tuple[Hint, Hint]:
    """Two points around the middle of the scene, as one step of undo."""
    middle = ((SIDE - 1) / 2, (SIDE - 1) / 2)
    first, second = (
        session.add(hint.row, hint.col, ab=hint.ab, size=hint.size, record=False)
        for hint in place_pair(colours, middle=middle, distance=distance, size=size)
    )
    session.commit()
    return first, second


def _slider(name: str, value: int, span: tuple[int, int]) -> tuple[IntSlider, HTML]:
    slider = IntSlider(value, span[0], span[1], readout=False, description=name)
    return styled(slider, "ipc-slider", "ipc-named"), styled(HTML(f"{value} px"), "ipc-value")
