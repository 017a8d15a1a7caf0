"""PSNR against what is revealed (figure 6, table 1), for any of the networks: resumable, and shared out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ..errors import RequestError
from ..metrics import check_metrics
from ..models.base import Network
from ..processes import ALONE, Processes
from ..protocol import PATCH, SOUGHT, check_pixels, check_room, square, values_by_count
from .results import Case, Results, ResultsFile, Score, Setting, fingerprint

BATCH = 8  # images decoded together
TOLD: dict[str, tuple[str, ...]] = {  # every way to reveal, and the true statistics that are told with it
    "random": (),
    "max-error": (),
    "entropy": (),
    "all": (),
    "histogram": ("histogram",),
    "saturation": ("saturation",),
    "histogram+saturation": ("histogram", "saturation"),
    "histogram+points": ("histogram",),
}
REVEALS = tuple(TOLD)
CURVES = ("random", "max-error", "entropy", "histogram+points")  # those that go through numbers of points


def check_readers(methods: dict[str, Network]) -> None:
    """Make sure that statistics can be told to every method.

    Raises:
        ValueError: naming the first that reads points only.
    """
    for name, network in methods.items():
        if not network.reads_global_hints:
            raise RequestError(
                f"expected methods that read a histogram and a saturation, got {name}, which reads "
                f"{'points only' if network.reads_points else 'the photograph alone'}; leave it out"
            )


def check_reveal(
    methods: dict[str, Network], reveal: str, counts: Sequence[int], *, patch: int, size: int
) -> None:
    """Make sure that everything can be revealed to everybody, before any work.

    Raises:
        ValueError: as `evaluate` says.
    """
    if reveal not in REVEALS:
        raise RequestError(f"expected reveal to be one of {', '.join(REVEALS)}, got {reveal!r}")
    if min(patch, size) < 1:
        raise RequestError(f"expected patch and size of at least 1 pixel, got {patch} and {size}")
    if TOLD[reveal]:
        check_readers(methods)
    if reveal == "entropy":
        for name, network in methods.items():
            if not network.knows_distribution:
                raise RequestError(
                    f"expected methods that say how sure they are of their colours, got {name}, which has no "
                    "distribution whose entropy could choose points; leave it out"
                )
    if reveal in SOUGHT:
        check_room(counts, shape=(size, size), patch=patch)
    elif reveal in CURVES:
        check_pixels(counts, shape=(size, size))


def squares(images: Iterable[np.ndarray], *, size: int, doing: str, progress: bool) -> Iterator[Tensor]:
    """Images squashed to squares, a few at a time: ``(N, 3, size, size)`` uint8, N up to `BATCH`.

    Args:
        images: ``(H, W, 3)`` uint8 each.
        size: side in pixels.
        doing: what, for the bar.
        progress: show a bar.
    """
    pending: list[Tensor] = []
    for image in tqdm(images, desc=doing, unit=" images", disable=not progress):
        pending.append(square(image, size))
        if len(pending) == BATCH:
            yield torch.stack(pending)
            pending = []
    if pending:
        yield torch.stack(pending)


def evaluate(
    methods: dict[str, Network],
    images: Iterable[np.ndarray],
    *,
    counts: Sequence[int],
    reveal: str = "random",
    patch: int = PATCH,
    size: int = 256,
    seed: int = 0,
    metrics: Sequence[str] = (),
    progress: bool = True,
) -> list[Score]:
    """Measure every method on the same images; arguments and errors as those of `measure`.

    Returns:
        Means, method by method in the order of `counts`.
    """
    return measure(
        methods, images, counts=counts, reveal=reveal, patch=patch, size=size, seed=seed, metrics=metrics,
        progress=progress,
    ).scores()  # fmt: skip


def measure(
    methods: dict[str, Network],
    images: Iterable[np.ndarray],
    *,
    counts: Sequence[int],
    reveal: str = "random",
    patch: int = PATCH,
    size: int = 256,
    seed: int = 0,
    metrics: Sequence[str] = (),
    names: Sequence[str] | None = None,
    file: Path | None = None,
    processes: Processes = ALONE,
    progress: bool = True,
) -> Results:
    """Measure every method on each image with the same points.

    Args:
        methods: networks in eval mode, by the name that the results carry.
        images: ``(H, W, 3)`` uint8 each. A sequence such as `FiledPhotographs` is read a few at a time.
        counts: numbers of points; used by the reveals of `CURVES` only.
        reveal: "random" points; "max-error": points where each method's own prediction is worst, one after
            the other (as many predictions as points); "entropy": where its own distribution is broadest,
            likewise; "all" pixels; "histogram", "saturation" or "histogram+saturation": the image's true
            statistics, no points; "histogram+points": the true histogram and the same points as "random" has.
        patch: side of a revealed patch in pixels.
        size: side that images are resized to.
        seed: of the points.
        metrics: of `metrics.METRICS`, beside PSNR.
        names: of the images, each its own; by default their numbers. They decide the random points.
        file: a CSV that keeps the results while they come; what it knows already is not measured again. One
            file may hold several methods, reveals and collections of photographs, one after the other.
        processes: that share the images out; each returns everything.
        progress: show a bar.

    Returns:
        Results of these methods, counts and images.

    Raises:
        ValueError: another reveal or metric, a patch or a size below 1, more points than there is room for,
            no images, names that are not one for each, statistics for a method that reads none, or "entropy"
            for one without a distribution.
        ResultsError: a file of other settings or other weights.
        OSError: the file cannot be read or written.
    """
    check_reveal(methods, reveal, counts, patch=patch, size=size)
    check_metrics(metrics)
    if reveal not in CURVES:
        counts = (-1,) if reveal == "all" else (0,)
    images = images if isinstance(images, Sequence) else list(images)
    if not len(images) or not methods:
        raise RequestError("expected at least one image to evaluate on and one method, got none")
    names = [str(number) for number in range(len(images))] if names is None else names
    if not len(names) == len(set(names)) == len(images):
        raise ValueError(f"expected {len(images)} names that differ, got {len(set(names))}")
    setting = Setting(patch=patch, size=size, seed=seed)
    weights = {name: fingerprint(network) for name, network in methods.items()}
    known, found = Results(setting, weights), Results(setting, dict(weights))
    kept = None if file is None else ResultsFile(file, setting, index=processes.index)
    if kept is not None:
        for read in processes.gather(kept.read()):  # nobody writes before all have read
            known.merge(read)
    wanted = {name: [Case(name, reveal, count) for count in dict.fromkeys(counts)] for name in methods}
    # a photograph always meets the same neighbours in its batch: so the last digit is the same, too
    starts = range(0, len(images), BATCH)[processes.index :: processes.count]
    work: dict[int, dict[str, list[int]]] = {}  # for each batch, the counts that each method still lacks
    for start in starts:
        group = names[start : start + BATCH]
        lacking = {
            name: [case.count for case in cases if not known.has(case, group, metrics)]
            for name, cases in wanted.items()
        }
        if any(lacking.values()):
            work[start] = {name: missing for name, missing in lacking.items() if missing}
    bar = tqdm(
        total=sum(len(names[start : start + BATCH]) * len(lacking) for start, lacking in work.items()),
        desc=f"evaluating, {reveal}", unit=" images", disable=not (progress and processes.main),
    )  # fmt: skip
    with bar:
        for start, lacking in work.items():
            group = names[start : start + BATCH]
            batch = torch.stack([square(image, size) for image in images[start : start + BATCH]])
            for name, missing in lacking.items():
                bar.set_postfix_str(name)
                fresh = Results(setting, {name: weights[name]})
                found_here = _values(methods[name], batch, reveal, missing, group, setting, metrics)
                for count, values in found_here.items():
                    for value, numbers in values.items():
                        fresh.add(Case(name, reveal, count), group, numbers.tolist(), name=value)
                found.merge(fresh)
                if kept is not None:
                    kept.append(fresh)
                bar.update(len(group))
    for each in processes.gather(found):
        known.merge(each)
    if kept is not None and processes.main:
        kept.finish(known)
    return known.only([case for cases in wanted.values() for case in cases], names, metrics)


def _values(
    network: Network,
    batch: Tensor,
    reveal: str,
    counts: Sequence[int],
    names: Sequence[str],
    setting: Setting,
    metrics: Sequence[str],
) -> dict[int, dict[str, Tensor]]:
    """PSNR and others of one method on one batch ``(N, 3, H, W)`` uint8, by numbers of points."""
    everything = reveal == "all"
    found = values_by_count(
        network, batch, counts=() if everything else counts, reveal=reveal if reveal in SOUGHT else "random",
        names=names, seed=setting.seed, patch=setting.patch, everything=everything, told=TOLD[reveal],
        metrics=metrics,
    )  # fmt: skip
    return {-1 if name == "all" else int(name): values for name, values in found.items()}
