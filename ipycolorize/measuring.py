"""Commands that measure: evaluate, reproduce, behaviour, transfer, bench."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from .arguments import COUNTS, FEW
from .errors import RequestError
from .locks import claimed
from .outputs import KEPT, check_file, prepare, write_rows

if TYPE_CHECKING:
    from .analysis.compare import Difference
    from .analysis.photographs import FiledPhotographs
    from .analysis.results import Results, Score
    from .models.base import Network
    from .processes import Processes
    from .training.data import Photographs

TABLES = ("scores.csv", "differences.csv", "curves.png", "differences.png")
PATIENCE = timedelta(days=7)  # that processes wait for the last one's photographs


def _methods(args: argparse.Namespace) -> dict[str, Network]:
    """The networks of --methods by name."""
    from .analysis.methods import load_method

    return {name: load_method(name, device=args.device) for name in args.methods.split(",")}


def _test_photographs(args: argparse.Namespace) -> Photographs:
    from .training.data import Photographs

    photographs = Photographs.load(
        [args.source], short_side=args.size, smallest=min(64, args.size), limit=args.limit,
        progress=not args.quiet,
    )  # fmt: skip
    if not args.quiet:
        print(photographs.summary())
    return photographs


def _filed_photographs(
    source: Path, limit: int | None, args: argparse.Namespace, processes: Processes
) -> FiledPhotographs:
    from .analysis.photographs import FiledPhotographs

    photographs = FiledPhotographs.find(
        source, short_side=args.size, smallest=min(64, args.size), limit=limit, processes=processes,
        progress=not args.quiet,
    )  # fmt: skip
    if processes.main and not args.quiet:
        print(photographs.summary())
    return photographs


def run_evaluate(args: argparse.Namespace) -> None:
    """Measure and print the curve; with other processes where a launcher started some."""
    from .analysis.plots import check_suffix, plot_curves, save_figure
    from .analysis.sweep import CURVES, check_reveal, measure
    from .processes import join
    from .protocol import SOUGHT

    check_file(args.json, force=args.force, source=args.source)
    if args.plot is not None:
        check_suffix(args.plot)
        check_file(args.plot, force=args.force, source=args.source)
        if args.reveal not in CURVES:
            raise RequestError(
                f"expected --reveal {', '.join(CURVES[:-1])} or {CURVES[-1]} with --plot, got {args.reveal}: "
                "it goes through no numbers of points and makes no curve"
            )
    counts = args.counts or (FEW if args.reveal in SOUGHT else COUNTS)
    overwrite = args.force
    if args.out is not None:
        first, *others = args.methods.split(",")
        files = [*(args.out / name for name in TABLES), *(_wins(args.out, first, other) for other in others)]
        overwrite = prepare(args.out, files, force=args.force, source=args.source)
    with ExitStack() as claim, join(args.device, patience=PATIENCE) as processes:
        if args.out is not None and processes.main:
            claim.enter_context(claimed(args.out, work="measurement"))
        methods = {name: network.to(processes.device) for name, network in _methods(args).items()}
        check_reveal(methods, args.reveal, counts, patch=args.patch, size=args.size)
        photographs = _filed_photographs(args.source, args.limit, args, processes)
        results = measure(
            methods, photographs, counts=counts, reveal=args.reveal, patch=args.patch, size=args.size,
            seed=args.seed, metrics=args.metrics, names=photographs.names,
            file=args.out and args.out / KEPT, processes=processes, progress=not args.quiet,
        )  # fmt: skip
    if not processes.main:
        return
    scores = results.scores()
    for score in scores:
        value = f"{score.psnr_mean:6.2f} ± {score.psnr_se:.2f} dB"
        print(f"{score.method:24} {_revealed(score):>12}  {value}  ({score.images} images)")
    _print_others(scores)
    gaps = _differences(results, [*methods])
    write_rows(args.json, [score.row() for score in scores], overwrite=args.force)
    if args.plot is not None:
        save_figure(plot_curves(scores), args.plot, overwrite=args.force)
    if args.out is not None:
        _write_evaluation(args.out, results, gaps, methods, photographs, overwrite=overwrite)


def _print_others(scores: Sequence[Score]) -> None:
    """A line for each value of the other metrics, by method and what was revealed."""
    for score in scores:
        for name, value in score.others.items():
            if not name.endswith("_se"):
                error = score.others.get(f"{name}_se")
                spread = "" if error is None else f" ± {error:.2f}"
                label = f"{score.method:24} {_revealed(score):>12}"
                print(f"{label}  {value:6.2f}{spread}  {name.replace('_', ' ')}")


def _differences(results: Results, methods: Sequence[str]) -> list[Difference]:
    """Of the first method to each other, also printed."""
    from .analysis.compare import differences

    found = [gap for other in methods[1:] for gap in differences(results, methods[0], other)]
    if found:
        print("\npaired differences, 95 % bootstrap intervals")
    for gap in found:
        names = f"{gap.method} - {gap.other}"
        value = f"{gap.mean:+6.2f} dB [{gap.low:+.2f}, {gap.high:+.2f}]"
        print(f"{names:32} {_revealed(gap):>12}  {value}  better on {gap.wins:.1%}")
    return found


def _write_evaluation(
    folder: Path,
    results: Results,
    gaps: Sequence[Difference],
    methods: dict[str, Network],
    photographs: FiledPhotographs,
    *,
    overwrite: bool,
) -> None:
    """Tables beside results.csv, and where the first method wins and loses most; prints their names."""
    from .analysis.compare import draw_differences, extremes, wins_and_losses
    from .analysis.plots import plot_curves, save_figure
    from .analysis.report import write_csv
    from .analysis.results import Case
    from .analysis.sweep import CURVES
    from .protocol import REVEALS

    tables = {
        "scores.csv": [score.row() for score in results.scores()],
        "differences.csv": [asdict(gap) for gap in gaps],
    }
    for name, rows in tables.items():
        if rows:
            write_csv(rows, folder / name, overwrite=overwrite)
            print(folder / name)
    figures = {}
    if any(score.reveal in CURVES and math.isfinite(score.psnr_mean) for score in results.scores()):
        figures["curves.png"] = plot_curves(results.scores())
    if any(gap.reveal in CURVES and math.isfinite(gap.mean) for gap in gaps):
        figures["differences.png"] = draw_differences(gaps)
    for name, figure in figures.items():
        save_figure(figure, folder / name, overwrite=overwrite)
        print(folder / name)
    first, *others = methods
    counts = sorted({case.count for case in results.psnr if case.reveal in REVEALS})
    for other in others if counts else []:
        reveal = next(iter(results.psnr)).reveal
        case = Case(first, reveal, counts[len(counts) // 2])
        if any(extremes(results, case, other)):
            path = _wins(folder, first, other)
            pair = {name: methods[name] for name in (first, other)}
            figure = wins_and_losses(
                results, pair, photographs, names=photographs.names, reveal=reveal, count=case.count
            )
            save_figure(figure, path, overwrite=overwrite)
            print(path)


def _wins(folder: Path, first: str, other: str) -> Path:
    """Where the figure goes that shows where a method wins and loses against another."""
    from .analysis.plots import short

    return folder / f"wins-{short(first)}-{short(other)}.png".replace("/", "-")


def _revealed(score: Score | Difference) -> str:
    """What a score's method was told, in words."""
    if score.reveal in ("histogram", "saturation", "histogram+saturation"):
        return score.reveal
    points = "all points" if score.count < 0 else f"{score.count} points"
    return f"histogram + {points:>10}" if score.reveal == "histogram+points" else points


def run_reproduce(args: argparse.Namespace) -> None:
    """Make a table or a figure of the paper and write it."""
    from .analysis.report import report_files
    from .analysis.reproduce import EXPERIMENTS, Request, maker
    from .processes import ALONE, join

    experiment = EXPERIMENTS[args.name]
    args.methods = args.methods or ",".join(experiment.methods)
    files = report_files(args.name, args.out)
    overwrite = prepare(args.out, files, force=args.force, source=args.photos, goes_on=not experiment.limit)
    with ExitStack() as claim, join(args.device, patience=PATIENCE) as processes:
        if processes.main:
            claim.enter_context(claimed(args.out, work="measurement"))
        methods = {name: network.to(processes.device) for name, network in _methods(args).items()}
        limit = args.limit or experiment.limit or None
        photographs = _filed_photographs(args.photos, limit, args, processes)
        if experiment.limit and not processes.main:  # a few pictures: nothing to share out
            return
        request = Request(
            names=photographs.names,
            photographs=[*photographs] if experiment.limit else photographs,
            methods=methods,
            folder=args.out,
            seed=args.seed,
            progress=processes.main and not args.quiet,
            size=args.size,
            counts=args.counts,
            processes=ALONE if experiment.limit else processes,
        )
        report = maker(args.name)(request)
    if processes.main:
        note = f"{report.note}\n\nFrom {args.photos.name}: {photographs.summary()}."
        for path in replace(report, note=note.strip()).write(args.out, overwrite=overwrite):
            print(path)
        print(f"\n{note.strip()}")


def run_behaviour(args: argparse.Namespace) -> None:
    """Measure and print how networks answer to hints."""
    from .analysis.behaviour import behave

    check_file(args.json, force=args.force, source=args.source)
    methods = _methods(args)
    photographs = _test_photographs(args)
    rows = behave(methods, photographs.images, size=args.size, seed=args.seed, progress=not args.quiet)
    print(f"{'':24}{'distance from hints, ab units':^34}{'one true point':^32}{'unusual colour follows':>28}")
    print(
        f"{'method':24}{'true 1':>8}{'true 10':>9}{'any 1':>8}{'any 10':>9}"
        f"{'change':>11}{'harmed':>9}{'by':>12}{'inside':>10}{'outside':>9}{'ring':>9}"
    )
    for row in rows:
        print(
            f"{row.method:24}{row.true_1:8.2f}{row.true_10:9.2f}{row.any_1:8.2f}{row.any_10:9.2f}"
            f"{row.change_db:+8.2f} dB{row.harmed:9.1%}{row.harm_db:9.2f} dB"
            f"{row.filled:10.1%}{row.leaked:9.1%}{row.ring:9.1%}"
        )
    write_rows(args.json, [asdict(row) for row in rows], overwrite=args.force)


def run_transfer(args: argparse.Namespace) -> None:
    """Measure and print how much of another photograph's colours arrives."""
    from .analysis.sweep import check_readers
    from .analysis.transfer import transfer

    check_file(args.json, force=args.force, source=args.source)
    methods = _methods(args)
    check_readers(methods)
    photographs = _test_photographs(args)
    rows = transfer(methods, photographs.images, size=args.size, progress=not args.quiet)
    print(f"{'':24}{'distance to the reference, ab units':^36}")
    print(f"{'method':24}{'automatic':>16}{'transferred':>18}{'ratio':>8}{'nearer':>9}")
    for row in rows:
        before, after = f"{row.before:.2f} ± {row.before_se:.2f}", f"{row.after:.2f} ± {row.after_se:.2f}"
        print(f"{row.method:24}{before:>16}{after:>18}{row.ratio:8.2f}{row.nearer:9.1%}")
    write_rows(args.json, [asdict(row) for row in rows], overwrite=args.force)


def run_bench(args: argparse.Namespace) -> None:
    """Measure and print times."""
    from .analysis.bench import bench

    check_file(args.json, force=args.force)
    rows = bench(args.device, progress=not args.quiet)
    print(
        f"{'network':26}{'points':>7}{'told':>11}{'dtype':>10}{'encode':>10}{'edit':>10}{'first':>10}"
        f"{'mood':>10}{'click→rgb':>11}{'GFLOP':>9}{'peak':>9}"
    )
    for row in rows:
        mood = f"{row.mood_ms:.1f} ms" if row.histogram else ""
        print(
            f"{row.network:26}{row.points:7}{'histogram' if row.histogram else '':>11}{row.dtype:>10}"
            f"{row.encode_ms:7.1f} ms{row.edit_ms:7.1f} ms{row.first_ms:7.1f} ms{mood:>10}"
            f"{row.click_to_rgb_ms:8.1f} ms{row.gflop_edit:9.2f}{row.peak_mb:6.0f} MB"
        )
    write_rows(args.json, [asdict(row) for row in rows], overwrite=args.force)


COMMANDS = {
    "evaluate": run_evaluate,
    "reproduce": run_reproduce,
    "behaviour": run_behaviour,
    "transfer": run_transfer,
    "bench": run_bench,
}
