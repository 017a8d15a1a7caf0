"""How long an edit takes and what it costs: every shipped network beside the paper's at width 64, in one run.

Compare rows of one run as ratios; milliseconds alone tell more about the machine. Each network is measured in
a fresh process, so that its peak memory is its own.
"""

from __future__ import annotations

import math
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import cycle

import torch
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from ..children import safe_path
from ..hint_batch import HintBatch
from ..image import sample_photo
from ..models.base import Network
from ..models.device import pick_device
from ..models.weights import build, list_models, load_model
from ..mood import Mood
from ..session import Session

SIZE = 256  # of the network's grid, square
SHOWN = 512  # short side of the picture that a click paints
REPEATS = 9
EDITS = 5  # times as many of an edit, which is short: other programs disturb it more
WARM_UP = 2  # runs that are not counted: they fill caches and choose kernels


@dataclass(frozen=True)
class Case:
    """What to measure.

    Attributes:
        source: name of shipped weights, or a weights file; None: the paper's network, width 64, untrained.
        points: hints set.
        dtype: name of a torch type.
        device: where the network runs.
        histogram: whether that of another photograph is asked for as well.
    """

    source: str | None
    points: int
    dtype: str
    device: str
    histogram: bool = False


@dataclass(frozen=True)
class Timing:
    """One row; times are medians in milliseconds.

    Attributes:
        network: weights' name, or "siggraph17-64-untrained".
        width: channels of the first scale.
        points: hints set.
        histogram: whether that of another photograph is asked for as well.
        size: of the network's square grid.
        encode_ms: once for each photograph.
        edit_ms: decoding after one of the hints has moved, colours only.
        first_ms: decoding that many hints for the first time, after loading them from a file for example.
        mood_ms: decoding after the histogram has been replaced, while all hints stay; nan without one.
        click_to_rgb_ms: from a moved hint to uint8 RGB of a 3:2 photograph at 512 pixels short side.
        gflop_edit: of the decoding, a multiply and an add counted as two.
        parameters: of the network.
        peak_mb: resident memory of the process at its highest.
    """

    network: str
    width: int
    points: int
    histogram: bool
    device: str
    dtype: str
    size: int
    encode_ms: float
    edit_ms: float
    first_ms: float
    mood_ms: float
    click_to_rgb_ms: float
    gflop_edit: float
    parameters: int
    peak_mb: float


def cases(device: str = "auto") -> list[Case]:
    """Rows of `bench`: shipped networks with 1, 20, 500 points; the paper's network in two precisions.

    Networks that read a histogram are measured again with one, beside 20 and 500 points.
    """
    where = pick_device(device).type
    shipped = []
    for card in list_models():
        shipped += [Case(card.name, points, "float32", where) for points in (1, 20, 500)]
        if build(card.network, card.config).reads_global_hints:
            shipped += [Case(card.name, points, "float32", where, histogram=True) for points in (20, 500)]
    return [*shipped, Case(None, 20, "float32", where), Case(None, 20, "bfloat16", where)]


def bench(device: str = "auto", *, repeats: int = REPEATS, progress: bool = True) -> list[Timing]:
    """Measure all `cases`, each in a process of its own.

    Args:
        device: as `pick_device` takes it.
        repeats: of what takes long.
        progress: show a bar.
    """
    context = multiprocessing.get_context("spawn")
    rows = []
    bar = tqdm(cases(device), unit=" cases", disable=not progress)
    for case in bar:
        told = ", histogram" if case.histogram else ""
        bar.set_description(f"{case.source or 'siggraph17-64'}, {case.points} points{told}, {case.dtype}")
        with safe_path(), ProcessPoolExecutor(1, mp_context=context) as pool:
            rows.append(pool.submit(measure, case, repeats).result())
    return rows


def _median_ms(action: Callable[[], object], repeats: int, device: str) -> float:
    times = []
    for _ in range(repeats + WARM_UP):
        started = time.perf_counter()
        action()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append((time.perf_counter() - started) * 1e3)
    return statistics.median(times[WARM_UP:])


@torch.inference_mode()
def measure(case: Case, repeats: int = REPEATS) -> Timing:
    """Measure one case in this process."""
    network: Network = load_model(case.source) if case.source else build("siggraph17", {"width": 64}).eval()
    dtype = getattr(torch, case.dtype)
    network = network.to(case.device)
    generator = torch.Generator().manual_seed(0)
    lightness = (torch.rand(1, 1, SIZE, SIZE, generator=generator) * 100).to(case.device)
    place = torch.rand(2, 1, case.points, generator=generator) * SIZE
    ab = torch.randn(1, case.points, 2, generator=generator) * 20

    def moved(step: int) -> HintBatch:
        """All hints, and one of them `step` pixels further down."""
        row, ones = place[0].clone(), torch.ones(1, case.points)
        row[:, case.points // 2] += step
        batch = HintBatch.of_points(row, place[1], 7 * ones, ab, ones, shape=(SIZE, SIZE))
        return batch.to(case.device)

    all_of_them = moved(0)
    edits = cycle([all_of_them, moved(1)])
    moods = [mood.global_hints().to(case.device) for mood in _moods()] if case.histogram else []
    asked = {"global_hints": moods[0]} if moods else {}
    with torch.autocast(case.device, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        encode = _median_ms(lambda: network.encode(lightness), repeats, case.device)
        features = network.encode(lightness)
        edit = _median_ms(
            lambda: network.decode(features, next(edits), **asked),
            EDITS * repeats if case.source else repeats,
            case.device,
        )
        with FlopCounterMode(display=False) as counter:
            network.decode(features, next(edits), **asked)
        fresh = iter([network.encode(lightness) for _ in range(repeats + WARM_UP)])
        first = _median_ms(lambda: network.decode(next(fresh), all_of_them, **asked), repeats, case.device)
        mood = math.nan
        if moods:
            others = cycle(reversed(moods))  # the first is known already
            mood = _median_ms(
                lambda: network.decode(features, all_of_them, global_hints=next(others)), repeats, case.device
            )
        click = _click_ms(network, case, repeats)
    return Timing(
        network=case.source or "siggraph17-64-untrained",
        width=int(network.config.get("width", network.config.get("widths", (0,))[0])),
        points=case.points,
        histogram=case.histogram,
        device=case.device,
        dtype=case.dtype,
        size=SIZE,
        encode_ms=round(encode, 2),
        edit_ms=round(edit, 2),
        first_ms=round(first, 2),
        mood_ms=round(mood, 2),
        click_to_rgb_ms=round(click, 2),
        gflop_edit=round(counter.get_total_flops() / 1e9, 3),
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        peak_mb=round(_peak_mb(), 1),
    )


def _moods() -> list[Mood]:
    """Two histograms to ask for."""
    references = [sample_photo(name).rgb for name in ("flower", "china")]
    return [replace(Mood.of_picture(rgb), saturation=None) for rgb in references]


def _click_ms(network: Network, case: Case, repeats: int) -> float:
    """From a moved hint to the pixels of the picture, on a real photograph."""
    session = Session(sample_photo("china"), network, device=case.device)
    if case.histogram:
        session.set_mood(_moods()[0])
    height, width = session.photo.shape
    shape = (SHOWN, round(SHOWN * width / height))
    step = max(1, height * width // case.points)
    for number in range(case.points):
        session.add(*divmod(number * step, width), ab=(20.0, 20.0))
    first = next(iter(session.hints)).id
    rows = iter(range(1, height))

    def click() -> None:
        session.move(first, next(rows), width // 2)
        session.rgb(shape)

    return _median_ms(click, repeats, case.device)


def _peak_mb() -> float:
    """Resident memory of this process at its highest, in MiB; nan where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows, where psutil, which Jupyter's kernel brings, knows the peak
        try:
            import psutil
        except ImportError:
            return math.nan
        return getattr(psutil.Process().memory_info(), "peak_wset", math.nan) / (1 << 20)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
