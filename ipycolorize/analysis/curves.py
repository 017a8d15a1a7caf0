"""Figure 6: PSNR against the number of revealed points, random and where the prediction is worst.

Max-error takes a prediction for every point, of methods that may need a second for each: it ends at 20 points
where nobody says how far to go.
"""

from __future__ import annotations

from dataclasses import asdict

from ..models.base import Network
from ..models.weights import REGISTRY
from ..protocol import PATCH
from .plots import plot_curves
from .report import Report
from .reproduce import Request
from .results import Score
from .sweep import measure

KEPT = "results.csv"  # of single photographs, in a request's folder
COUNTS = {"random": (0, 1, 2, 5, 10, 20, 50, 100, 200, 500), "max-error": (0, 1, 2, 5, 10, 20)}


def reproduce(request: Request) -> Report:
    """Reveal points to each method and measure; results.csv keeps the results of single photographs.

    Raises:
        ValueError: as `measure` does.
    """
    scores: list[Score] = []
    for reveal, usual in COUNTS.items():
        scores += measure(
            request.methods, request.photographs, counts=request.counts or usual, reveal=reveal,
            size=request.size, seed=request.seed, names=request.names, file=request.folder / KEPT,
            processes=request.processes, progress=request.progress,
        ).scores()  # fmt: skip
    note = (
        f"{len(request.photographs)} photographs squashed to {request.size} x {request.size} pixels; each "
        f"point reveals the mean colour of {PATCH} x {PATCH} pixels (seed {request.seed}); mean PSNR in dB "
        "and its standard error."
    )
    rows = [asdict(score) for score in scores]
    return Report("figure6", rows, plot_curves(scores), f"{note}\n\n{trained(request.methods)}")


def trained(methods: dict[str, Network]) -> str:
    """What methods have learned from, in Markdown: nobody shall take small networks for published ones."""
    lines = []
    for name, network in methods.items():
        card = REGISTRY.get(name)
        if card is not None:
            learned = f"{card.description} Trained on {card.trained_on}: {card.image_steps:,} crops."
        elif next(network.parameters(), None) is None:
            learned = "Has learned nothing."
        else:
            learned = "No shipped weights."
        lines.append(f"* `{name}`: {learned}")
    return "\n".join(lines)
