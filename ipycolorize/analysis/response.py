"""How the picture follows a hint whose colour moves along a path: evenly, less and less, or in jumps?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..color import to_uint8
from ..gamut import screen_rgb
from ..session import Session
from .plots import COLOURS, GREY, TEXT
from .report import Report

HINT = "the hint"  # name of the region under the hint's own patch
DASHED = (0, (3, 3))  # short enough that a line below shows in the gaps


@dataclass(frozen=True, eq=False)
class Response:
    """Of one network.

    Attributes:
        path: ``(M, 2)`` colours that the hint took, Lab units of ab.
        start: ``(2,)`` by region: its mean colour without the hint.
        shown: ``(M, 2)`` by region: its mean colour with each.
    """

    path: np.ndarray
    start: dict[str, np.ndarray]
    shown: dict[str, np.ndarray]

    def moved(self, region: str) -> np.ndarray:
        """How far the region's mean colour has moved at each place of the path, ``(M,)`` Lab units."""
        return np.linalg.norm(self.shown[region] - self.start[region], axis=1)

    def gain(self, region: str) -> np.ndarray:
        """Lab units that the region moves for each that the hint moves, ``(M - 1,)``; level: evenly."""
        steps = np.linalg.norm(np.diff(self.path, axis=0), axis=1)
        return np.linalg.norm(np.diff(self.shown[region], axis=0), axis=1) / steps


def respond(session: Session, id: int, path: np.ndarray, regions: Mapping[str, np.ndarray]) -> Response:
    """Move a hint's colour along a path and watch; the session stays as it is.

    Args:
        session: with this hint, and perhaps others.
        id: of the hint.
        path: ``(M, 2)`` colours in ab, M at least 2, two neighbours never equal.
        regions: ``(h, w)`` bool by name, on the network's grid; the hint's own patch is left out of them and
            watched as `HINT`.

    Raises:
        HintError: there is no such hint, or a colour that cannot be.
        ValueError: a path or a region that cannot be followed.
    """
    path = np.asarray(path, float)
    if path.ndim != 2 or path.shape[1] != 2 or not np.diff(path, axis=0).any(axis=1).all() or len(path) < 2:
        raise ValueError(f"expected a path of at least 2 colours (a, b), each unlike the last, got {path!r}")
    with session.lock:
        hints, painter, mood = session.hints, session.painter, session.mood
        if id not in hints:
            raise ValueError(f"expected the id of a hint, one of {[hint.id for hint in hints]}, got {id}")
        patch = painter.batch((replace(hints[id], weight=1.0),)).mask[0, 0].cpu().numpy() > 0
        masks = {HINT: patch}
        for name, mask in regions.items():
            if mask.shape != patch.shape or not (mask & ~patch).any():
                raise ValueError(
                    f"expected region {name!r} as a mask of {patch.shape} with pixels beside the hint's own, "
                    f"got one of {mask.shape} with {int(mask.sum())} pixels"
                )
            masks[name] = mask & ~patch
        states = [hints.remove(id), *(hints.recolor(id, (a, b)) for a, b in path.tolist())]
        shown: dict[str, list[np.ndarray]] = {name: [] for name in masks}
        for state in states:
            ab = painter.ab((hint for hint in state if hint.weight > 0), mood).numpy()
            for name, mask in masks.items():
                shown[name].append(ab[:, mask].mean(axis=1))
    means = {name: np.array(values) for name, values in shown.items()}
    return Response(
        path,
        {name: values[0] for name, values in means.items()},
        {name: values[1:] for name, values in means.items()},
    )


def straight(first: tuple[float, float], last: tuple[float, float], steps: int = 25) -> np.ndarray:
    """A path of evenly spaced colours, ``(steps, 2)``."""
    return np.linspace(first, last, steps)


def circle(chroma: float, steps: int = 48) -> np.ndarray:
    """A path once around the hues, from red (a > 0) over yellow: ``(steps + 1, 2)``."""
    angle = np.linspace(0, 2 * math.pi, steps + 1)
    return chroma * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def report(responses: Mapping[str, Response], *, along: str = "way of the hint (ab units)") -> Report:
    """Compare networks that were asked along the same path.

    Args:
        responses: by network; all with the same path and regions.
        along: what the horizontal axis is called.

    Raises:
        ValueError: there are none.
    """
    if not responses:
        raise ValueError("expected at least one response, got none")
    rows = []
    for name, response in responses.items():
        for region in response.shown:
            gain = response.gain(region)
            rows.append(
                {
                    "network": name,
                    "region": region,
                    "moved at the end": float(response.moved(region)[-1]),
                    "gain, mean": float(gain.mean()),
                    "gain, least": float(gain.min()),
                    "gain, most": float(gain.max()),
                }
            )
    return Report("response", rows, plot(responses, along=along))


def plot(responses: Mapping[str, Response], *, along: str) -> Figure:
    """For each region how far its colour moves while the hint's does; the path's colours lie below.

    Under the hint a dashed line shows how far the first network would move if it obeyed exactly.
    """
    first = next(iter(responses.values()))
    way = np.concatenate([[0.0], np.linalg.norm(np.diff(first.path, axis=0), axis=1).cumsum()])
    figure = Figure(figsize=(2.5 * len(first.shown) + 0.4, 2.9), layout="constrained")
    grid = figure.subplots(
        2, len(first.shown), squeeze=False, height_ratios=(12, 1), sharex=True, sharey="row"
    )
    for axes, strip, region in zip(*grid, first.shown, strict=True):
        for colour, (name, response) in zip(COLOURS, responses.items(), strict=False):
            axes.plot(way, response.moved(region), color=colour, linewidth=1.4, label=name)
        if region == HINT:
            asked = np.linalg.norm(first.path - first.start[region], axis=1)
            axes.plot(way, asked, color="black", linewidth=0.9, linestyle=DASHED, label="as the hint says")
        _dress(axes, region)
        colours = _screen(first.path)
        strip.imshow(colours[None], aspect="auto", extent=(way[0], way[-1], 0, 1), interpolation="bilinear")
        strip.set_yticks([])
        strip.xaxis.set_major_locator(MaxNLocator(4))
        strip.tick_params(labelsize=TEXT, color=GREY)
        strip.spines[:].set_visible(False)
    grid[0, 0].set_ylabel("moved from the automatic\ncolour (ab units)", fontsize=TEXT)
    grid[0, 0].legend(fontsize=TEXT - 1, frameon=False)
    figure.supxlabel(along, fontsize=TEXT)
    return figure


def _dress(axes: Axes, region: str) -> None:
    axes.set_title(region, fontsize=TEXT + 1, color=GREY, loc="left")
    axes.tick_params(labelsize=TEXT, color=GREY)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_ylim(bottom=0)


def _screen(path: np.ndarray, lightness: float = 65.0) -> np.ndarray:
    """How a screen shows colours ``(M, 2)`` at one lightness: ``(M, 3)`` uint8."""
    lab = torch.tensor(np.column_stack([np.full(len(path), lightness), path]), dtype=torch.float32)
    return to_uint8(screen_rgb(lab.T[..., None]))[..., 0].T.numpy()
