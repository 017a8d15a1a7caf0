"""Seams of any networks: pairs of colours, distances and patch sizes, on the toy scene and on photographs.

The paper's figure 8, and in numbers what its section 4.5 says in words: "the seam is not straight, and the
shape as well as the sharpness of the transition is dependent on the colors".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tqdm import tqdm

from ..color import rgb_to_lab
from ..errors import RequestError
from ..hints import Hint
from ..models.base import Network
from ..seam import DISTANCE, PAIRS, SIZE, Seam, measure_seam, place_pair, square_scene
from .panels import Panel, draw_panels
from .plots import COLOURS, GREY, TEXT
from .report import Report, Row
from .reproduce import Request
from .scenes import Scene, place_in_thing
from .things import marks, middle_square, screen

SHOWN = ("blue & red", "green & pink")  # the pairs of the paper's figure
DISTANCES = (32, 64, 96)
SIZES = (3, 7, 15)


def sweep(
    methods: dict[str, Network],
    *,
    pairs: Iterable[str] = PAIRS,
    distances: Iterable[int] = DISTANCES,
    sizes: Iterable[int] = (SIZE,),
    progress: bool = True,
) -> list[Row]:
    """Measure the seams of the grey square, for every combination.

    Args:
        methods: networks in eval mode by name.
        pairs: names among `ipycolorize.seam.PAIRS`.
        distances: between the points, in pixels of the scene, which has 256 x 256.
        sizes: of the patches.
        progress: show a bar.

    Returns:
        Rows with what was asked (method, pair and how far its colours are apart, distance, patch) and the
        measures of `Seam`; nan and a reason where there is no seam.
    """
    rgb, inside = square_scene()
    middle = ((len(rgb) - 1) / 2, (len(rgb) - 1) / 2)
    cases = list(product(methods, pairs, distances, sizes))
    scenes: dict[str, Scene] = {}
    rows = []
    for name, pair, distance, size in tqdm(cases, desc="seams", unit=" seams", disable=not progress):
        if name not in scenes:
            scenes[name] = Scene.of_picture(methods[name], rgb)
        points = place_pair(PAIRS[pair], middle=middle, distance=distance, size=size)
        rows.append(_row("square", name, pair, points, _measure(scenes[name], points, inside)))
    return rows


def natural(
    methods: dict[str, Network],
    names: Sequence[str],
    photographs: Sequence[np.ndarray],
    *,
    pairs: Iterable[str] = SHOWN,
    size: int = 256,
    seed: int = 0,
) -> list[Row]:
    """The same inside one thing of each photograph; those without a thing that is wide enough are left out.

    Two points lie on the longest chord through the thing's deepest place, symmetrically, in the hues of a
    pair with the chroma that sRGB has there.

    Args:
        methods: networks in eval mode by name.
        names: of the photographs.
        photographs: ``(H, W, 3)`` uint8 each, of which the middle squares are taken.
        pairs: names among `ipycolorize.seam.PAIRS`.
        size: side that these are resized to.
        seed: of the things.
    """
    pairs = tuple(pairs)
    rows = []
    for name, photograph in zip(names, photographs, strict=True):
        lab = rgb_to_lab(middle_square(photograph, size))
        found = place_in_thing(lab, pairs, seed=seed)
        if found is None:
            continue
        inside, points = found
        for method, network in methods.items():
            scene = Scene(network, lab[None, :1].contiguous())
            rows += [
                _row(name, method, pair, points[pair], _measure(scene, points[pair], inside))
                for pair in pairs
            ]
    return rows


def _measure(scene: Scene, points: tuple[Hint, Hint], inside: np.ndarray) -> Seam:
    return measure_seam(scene.ab(points), scene.automatic, points, inside=inside)


def _row(scene: str, method: str, pair: str, points: tuple[Hint, Hint], seam: Seam) -> Row:
    first, second = points
    return {
        "scene": scene,
        "method": method,
        "pair": pair,
        "colours apart": round(math.dist(first.ab, second.ab), 1),
        "distance": round(math.hypot(second.row - first.row, second.col - first.col), 1),
        "patch": first.size,
        "position": round(seam.position, 2),
        "roughness": round(seam.roughness, 2),
        "tilt": round(seam.tilt, 2),
        "width": round(seam.width, 2),
        "contrast": round(seam.contrast, 3),
        "complete": round(seam.complete, 3),
        "filled first": round(seam.filled[0], 3),
        "filled second": round(seam.filled[1], 3),
        "why none": seam.reason,
    }


def reproduce(request: Request) -> Report:
    """Figure 8: the grey square with one and with two points, for every method; and the sweep as its table.

    Photographs of the request are measured as well, and shown below.
    """
    methods = request.methods
    rows = sweep(methods, sizes=SIZES, progress=request.progress)
    rows += natural(methods, request.names, request.photographs, size=request.size, seed=request.seed)
    note = (
        "Pixels of a scene of 256 x 256. position: of the seam, from the middle towards the second colour; "
        "roughness: rms distance from its best line; width: from 10 to 90 % of the change; contrast: the "
        "change, 1 is from one colour to the other; complete: share of the rows between the points that the "
        "seam crosses; filled: share of each side that takes its colour. Photographs without a thing wide "
        "enough for two points are left out."
    )
    return Report("figure8", rows, draw_scene(methods), note)


def draw_scene(methods: dict[str, Network], *, distance: int = DISTANCE) -> Figure:
    """The six pictures of figure 8, one line for each method, with the seams as they were measured."""
    rgb, inside = square_scene()
    middle = ((len(rgb) - 1) / 2, (len(rgb) - 1) / 2)
    pairs = [place_pair(PAIRS[pair], middle=middle, distance=distance) for pair in SHOWN]
    centre = [Hint(1, round(middle[0]), round(middle[1]), *ab, SIZE) for ab in PAIRS[SHOWN[0]]]
    titles = ["(a) input", "(b) blue point", "(c) red point", "(d) two points"]
    titles += [f"({letter}) {pair}" for letter, pair in zip("ef", SHOWN, strict=True)]
    rows: list[list[Panel]] = []
    loci = []
    for network in methods.values():
        scene = Scene.of_picture(network, rgb)
        results = [scene.ab(points) for points in ([centre[0]], [centre[1]], *pairs)]
        blue, red, *both = (scene.picture(ab) for ab in results)
        shown = [""] * len(titles) if rows else titles
        pictures = (rgb, blue, red, rgb, *both)
        points = ((), (), (), marks(pairs[0], rgb), (), ())
        rows.append([Panel(*panel) for panel in zip(pictures, shown, points, strict=True)])
        loci.append(
            [
                measure_seam(ab, scene.automatic, pair, inside=inside).locus
                for ab, pair in zip(results[2:], pairs, strict=True)
            ]
        )
    figure = draw_panels(rows, names=tuple(methods))
    for number, seams in enumerate(loci):
        for locus, axis in zip(seams, figure.axes[len(titles) * (number + 1) - 2 :], strict=False):
            axis.plot(locus[:, 1], locus[:, 0], color="black", linewidth=0.5)
    return figure


def draw_natural(
    methods: dict[str, Network],
    names: Sequence[str],
    photographs: Sequence[np.ndarray],
    *,
    pair: str = SHOWN[0],
    size: int = 256,
    seed: int = 0,
) -> Figure:
    """Two points in one thing of each photograph, and every method's seam; arguments as for `natural`.

    Raises:
        ValueError: no photograph has a thing with room for two points.
    """
    rows: list[list[Panel]] = []
    loci, shown = [], []
    for name, photograph in zip(names, photographs, strict=True):
        lab = rgb_to_lab(middle_square(photograph, size))
        found = place_in_thing(lab, (pair,), seed=seed)
        if found is None:
            continue
        inside, points = found
        lightness = lab[None, :1].contiguous()
        scenes = {method: Scene(network, lightness) for method, network in methods.items()}
        results = {method: scene.ab(points[pair]) for method, scene in scenes.items()}
        gray = screen(lightness)
        panels = [Panel(gray, "" if rows else "two points", marks(points[pair], gray))]
        panels += [
            Panel(scenes[method].picture(ab), "" if rows else method) for method, ab in results.items()
        ]
        rows.append(panels)
        shown.append(name)
        loci += [np.zeros((0, 2))]
        loci += [
            measure_seam(ab, scenes[method].automatic, points[pair], inside=inside).locus
            for method, ab in results.items()
        ]
    if not rows:
        raise RequestError("expected a photograph with a thing that has room for two points, got none")
    figure = draw_panels(rows, names=shown)
    for locus, axis in zip(loci, figure.axes, strict=True):
        axis.plot(locus[:, 1], locus[:, 0], color="black", linewidth=0.7)
    return figure


def draw_sweep(rows: Sequence[Row]) -> Figure:
    """How a seam's width, roughness and filled sides depend on the points' distance, pair by pair.

    Args:
        rows: of `sweep`, one patch size.
    """
    methods = list(dict.fromkeys(row["method"] for row in rows))
    figure = Figure(figsize=(7.2, 2.5), layout="constrained")
    axes = figure.subplots(1, 3)
    for axis, key, name in zip(
        axes,
        ("width", "roughness", "filled"),
        ("Width (pixels)", "Roughness (pixels)", "Share of the sides filled"),
        strict=True,
    ):
        for number, method in enumerate(methods):
            mine = [row for row in rows if row["method"] == method]
            _draw(axis, mine, key, COLOURS[number % len(COLOURS)], method)
        axis.set_xlabel("Distance of the points (pixels)", fontsize=TEXT)
        axis.set_ylabel(name, fontsize=TEXT)
        axis.set_ylim(bottom=0)
        axis.set_xticks(sorted({row["distance"] for row in rows}))
        axis.tick_params(labelsize=TEXT, color=GREY)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(fontsize=TEXT, frameon=False)
    return figure


def _draw(axis: Axes, rows: Sequence[Row], key: str, colour: str, method: str) -> None:
    """Each pair a thin line, their mean a thick one; what has no seam is left out."""

    def value(row: Row) -> float:
        return (row["filled first"] + row["filled second"]) / 2 if key == "filled" else row[key]

    distances = sorted({row["distance"] for row in rows})
    for pair in dict.fromkeys(row["pair"] for row in rows):
        line = sorted((row["distance"], value(row)) for row in rows if row["pair"] == pair)
        axis.plot(*zip(*line, strict=True), color=colour, linewidth=0.6, alpha=0.45)
    means = []
    for distance in distances:
        known = [value(row) for row in rows if row["distance"] == distance and not math.isnan(value(row))]
        means.append(sum(known) / len(known) if known else math.nan)
    axis.plot(distances, means, color=colour, linewidth=1.8, marker="o", markersize=3, label=method)
