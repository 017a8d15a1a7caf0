"""One photograph in the colours of others: transferring histograms (paper, section 4.4, figure 9).

How near the result comes to what was asked for is measured on the very pictures that are shown: the earth
mover's distance between their histograms and the references', without the reference and with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.figure import Figure

from ..errors import RequestError
from ..models.base import Network
from ..mood import Mood, MoodError
from ..pairs import shrunk
from ..session import SHORT_SIDE, Session
from .panels import INCH, Panel, draw_panel
from .plots import TEXT
from .report import Report, Row
from .reproduce import Request
from .sweep import check_readers
from .transfer import earth_movers_distance

INSET = 0.55  # height of a reference, of a result's


@dataclass(frozen=True)
class Recoloured:
    """A photograph in the colours of one reference.

    Attributes:
        reference: its name.
        picture: ``(H, W, 3)`` uint8.
        before: earth mover's distance of the automatic result from the reference's histogram, in ab units.
        after: of this picture.
    """

    reference: str
    picture: np.ndarray
    before: float
    after: float


def recolour(
    photo: np.ndarray,
    references: dict[str, np.ndarray],
    network: Network,
    *,
    short_side: int = SHORT_SIDE,
) -> tuple[np.ndarray, list[Recoloured]]:
    """Give a photograph the histogram of each reference, without points.

    Args:
        photo: ``(H, W, 3)`` uint8, of which the lightness alone is used.
        references: pictures by name; grey ones are left out.
        network: in eval mode.
        short_side: of the network's grid, and of the pictures.

    Returns:
        The automatic result, and one for each reference that has colours.

    Raises:
        MoodError: the network reads points only.
    """
    session = Session(photo, network, device=network.bin_centers.device.type, short_side=short_side)
    automatic, own = session.rgb(session.frame.grid), session.histogram()
    found = []
    for name, reference in references.items():
        try:
            mood = replace(Mood.of_picture(reference, source=name), saturation=None)
        except MoodError:
            continue
        session.set_mood(mood)
        wanted = np.array(mood.histogram)
        distances = [earth_movers_distance(have, wanted) for have in (own, session.histogram())]
        found.append(Recoloured(name, session.rgb(session.frame.grid), *distances))
    return automatic, found


def draw(
    references: dict[str, np.ndarray],
    gray: np.ndarray,
    results: Mapping[str, tuple[np.ndarray, Sequence[Recoloured]]],
) -> Figure:
    """References above, and below them what each method makes of the photograph.

    Args:
        references: those that were used, by name.
        gray: ``(H, W, 3)`` uint8, the photograph's lightness.
        results: of each method, as `recolour` returns them.
    """
    columns, count = len(references) + 2, len(results)
    width = INCH * columns * gray.shape[1] / gray.shape[0] + 0.3
    size = (width, (INSET + count) * INCH + 0.35)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(count + 1, columns, squeeze=False, height_ratios=(INSET, *[1.0] * count))
    draw_panel(grid[0][0], None)
    draw_panel(grid[0][1], None)
    for axes, (name, picture) in zip(grid[0][2:], references.items(), strict=True):
        draw_panel(axes, Panel(picture, name))
    for number, (axes, (method, (automatic, found))) in enumerate(
        zip(grid[1:], results.items(), strict=True)
    ):
        first = number == 0
        draw_panel(axes[0], Panel(gray, "input") if first else None)
        draw_panel(axes[1], Panel(automatic, "no reference" if first else ""))
        if count > 1:
            axes[1].set_ylabel(method, fontsize=TEXT)
        for each, one in zip(axes[2:], found, strict=True):
            draw_panel(each, Panel(one.picture))
    return figure


def reproduce(request: Request) -> Report:
    """Figure 9: the first photograph with the histograms of all the others.

    Raises:
        ValueError: fewer than two photographs with colours, or a method that reads points only.
    """
    check_readers(request.methods)
    name, photo = request.names[0], request.photographs[0]
    others = dict(zip(request.names[1:], request.photographs[1:], strict=True))
    results = {method: recolour(photo, others, network) for method, network in request.methods.items()}
    used = [one.reference for one in next(iter(results.values()))[1]]
    if not used:
        raise RequestError(
            f"expected at least one reference with colours beside {name}, got {len(others)} photographs and "
            "none with colours"
        )
    network = next(iter(request.methods.values()))
    session = Session(photo, network, device=network.bin_centers.device.type)
    references = {reference: shrunk(others[reference], SHORT_SIDE) for reference in used}
    rows: list[Row] = [
        {
            "photograph": name,
            "reference": one.reference,
            "method": method,
            "distance_before": one.before,
            "distance_after": one.after,
            "ratio": one.after / one.before if one.before > 0 else None,
        }
        for method, (_, found) in results.items()
        for one in found
    ]
    left_out = len(others) - len(used)
    note = (
        f"{name} with the histograms of the photographs above, no saturation, no points. distance: earth "
        "mover's distance between histograms, in ab units, of the picture without a reference (before) and "
        f"with it (after).{f' {left_out} grey references were left out.' if left_out else ''}"
    )
    return Report("figure9", rows, draw(references, session.gray(session.frame.grid), results), note)
