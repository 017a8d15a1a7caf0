"""Legacy photographs (paper, section 4.6): what each kind of age takes from a network.

The paper shows three old photographs, whose colours nobody knows. Here photographs in colour are aged, one
damage at a time, so that the loss can be measured: the network sees the aged lightness, and its colours are
judged on the clean one, so that PSNR speaks of the colours alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor
from tqdm import tqdm

from ..aging import compressed, faded, grained, softened, stained
from ..color import rgb_to_lab
from ..errors import RequestError
from ..hint_batch import HintBatch
from ..models.base import Network
from ..protocol import psnr_of, random_points, reveal_points
from .behaviour import miss
from .panels import Panel, draw_panels
from .report import Report, Row
from .reproduce import Request
from .things import hints_of, marks, middle_square, screen

Damage = Callable[[Tensor, torch.Generator], Tensor]  # (1, H, W) in [0, 1] and randomness -> the same

DAMAGES: dict[str, Damage] = {
    "none": lambda x, _: x,
    "fading": lambda x, _: faded(x, gamma=0.75, contrast=0.6, offset=0.06),
    "darkening": lambda x, _: faded(x, gamma=1.5, contrast=0.9, offset=-0.05),
    "blur": lambda x, _: softened(x, scale=0.4),
    "grain": lambda x, generator: grained(x, level=0.06, generator=generator),
    "uneven lightness": lambda x, generator: stained(x, depth=0.25, generator=generator),
    "JPEG": lambda x, _: compressed(x, quality=15),
    "all": lambda x, generator: _all(x, generator),
}
POINTS = 10  # true ones, where points are given


def _all(x: Tensor, generator: torch.Generator) -> Tensor:
    """In this order: the print fades and stains, the lens is soft, the film grainy, the scan compressed."""
    x = stained(faded(x, gamma=0.75, contrast=0.6, offset=0.06), depth=0.15, generator=generator)
    x = grained(softened(x, scale=0.5), level=0.04, generator=generator)
    return compressed(x, quality=25)


def age(lightness: Tensor, damage: str, *, seed: int = 0) -> Tensor:
    """A photograph with one kind of damage.

    Args:
        lightness: ``(1, 1, H, W)`` in [0, 100], on the CPU.
        damage: a name of `DAMAGES`.
        seed: of grain and stains.

    Raises:
        ValueError: another name; the known ones are listed.
    """
    if damage not in DAMAGES:
        raise ValueError(f"expected a damage among {', '.join(DAMAGES)}, got {damage!r}")
    generator = torch.Generator().manual_seed(seed)
    return 100 * DAMAGES[damage](lightness[0] / 100, generator).clamp(0, 1)[None]


@torch.inference_mode()
def measure(
    methods: dict[str, Network],
    photographs: Iterable[np.ndarray],
    *,
    damages: Sequence[str] = tuple(DAMAGES),
    size: int = 256,
    seed: int = 0,
    progress: bool = True,
) -> list[Row]:
    """Means over photographs, for each method and damage.

    Args:
        methods: networks in eval mode by name.
        photographs: ``(H, W, 3)`` uint8 each, in colour, of which the middle squares are taken.
        damages: names of `DAMAGES`.
        size: side that these are resized to.
        seed: of points, grain and stains; the same for every method and damage.
        progress: show a bar.

    Returns:
        Rows with the PSNR in dB of the automatic result and with ten true points, on the clean lightness; and
        "missed", how far the result with points is from them on their own pixels, in ab units.

    Raises:
        ValueError: an unknown damage, or no photographs.
    """
    found: dict[tuple[str, str], list[tuple[float, ...]]] = {
        (name, damage): [] for name in methods for damage in damages
    }
    shape = (size, size)
    bar = tqdm(photographs, desc="aging", unit=" photographs", disable=not progress)
    for number, photograph in enumerate(bar):
        image = middle_square(photograph, size)[None]
        lab = rgb_to_lab(image)
        places = torch.Generator().manual_seed(seed + number)
        points = reveal_points(lab[:, 1:], *random_points(1, POINTS, shape=shape, generator=places))
        for (name, damage), values in found.items():
            network = methods[name]
            device = network.bin_centers.device
            features = network.encode(age(lab[:, :1], damage, seed=seed + number).to(device))
            automatic, hinted = (
                network.decode(features, hints.to(device)).ab.float().cpu()
                for hints in (HintBatch.empty(shape=shape), points)
            )
            scores = (psnr_of(lab[:, :1], ab, image).item() for ab in (automatic, hinted))
            values.append((*scores, miss(hinted, points).item()))
    if not all(found.values()):
        raise RequestError("expected at least one photograph, got none")
    rows: list[Row] = []
    for (name, damage), values in found.items():
        automatic_db, hinted_db, missed = np.mean(values, axis=0).round(2).tolist()
        row: Row = {"method": name, "damage": damage, "photographs": len(values)}
        row |= {"PSNR automatic": automatic_db, f"PSNR {POINTS} points": hinted_db, "missed": missed}
        rows.append(row)
    return rows


def reproduce(request: Request) -> Report:
    """Section 4.6 with photographs that were aged: the table, and the first photograph in every state.

    Raises:
        ValueError: no photographs.
    """
    rows = measure(
        request.methods,
        request.photographs,
        size=request.size,
        seed=request.seed,
        progress=request.progress,
    )
    note = (
        f"Means over {len(request.photographs)} photographs, their middle squares of {request.size} x "
        f"{request.size}. A network sees the aged lightness; PSNR is that of its colours on the clean one. "
        f"missed: distance in ab of the result from {POINTS} true points on their own pixels."
    )
    figure = draw(request.methods, request.photographs[0], size=request.size, seed=request.seed)
    return Report("figure10", rows, figure, note)


def draw(
    methods: dict[str, Network],
    photograph: np.ndarray,
    *,
    points: int = POINTS,
    damages: Sequence[str] = tuple(DAMAGES),
    size: int = 256,
    seed: int = 0,
) -> Figure:
    """A photograph aged in every way, and below each the colours of every method.

    Args:
        methods: networks in eval mode by name.
        photograph: ``(H, W, 3)`` uint8, of which the middle square is taken.
        points: random ones in the photograph's own colours; they are drawn over the first picture.
        damages: names of `DAMAGES`.
        size: side that the square is resized to.
        seed: of points, grain and stains.
    """
    lab = rgb_to_lab(middle_square(photograph, size)[None])
    generator = torch.Generator().manual_seed(seed)
    places = random_points(1, points, shape=(size, size), generator=generator)
    hints = reveal_points(lab[:, 1:], *places)
    aged = [age(lab[:, :1], damage, seed=seed) for damage in damages]
    grays = [screen(x) for x in aged]
    shown = [marks(hints_of(hints), grays[0]), *[()] * (len(grays) - 1)]
    rows = [[Panel(*panel) for panel in zip(grays, damages, shown, strict=True)]]
    rows += [[Panel(colorize(network, x, hints)) for x in aged] for network in methods.values()]
    return draw_panels(rows, names=["aged", *methods])


@torch.inference_mode()
def colorize(network: Network, lightness: Tensor, points: HintBatch | None = None) -> np.ndarray:
    """A photograph ``(1, 1, H, W)`` on the CPU in a network's colours, ``(H, W, 3)`` uint8."""
    shape = (lightness.shape[-2], lightness.shape[-1])
    device = network.bin_centers.device
    hints = HintBatch.empty(shape=shape) if points is None else points
    ab = network.decode(network.encode(lightness.to(device)), hints.to(device)).ab
    return screen(lightness, ab.float().cpu())
