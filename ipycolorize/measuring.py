"""Commands that measure: evaluate, behaviour, transfer, bench."""

from __future__ import annotations

import argparse
import json
import math
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .analysis.sweep import Score
    from .models.base import Network
    from .training.data import Photographs


def _methods(args: argparse.Namespace) -> dict[str, Network]:
    """The networks of --methods by name."""
    from .analysis.methods import load_method

    return {name: load_method(name, device=args.device) for name in args.methods.split(",")}


def _test_photographs(args: argparse.Namespace) -> Photographs:
    from .training.data import Photographs

    photographs = Photographs.load(
        [args.source], short_side=args.size, smallest=min(64, args.size), limit=args.limit
    )
    print(photographs.summary())
    return photographs


def run_evaluate(args: argparse.Namespace) -> None:
    """Measure and print the curve."""
    from .analysis.plots import check_suffix, plot_curves, save_figure
    from .analysis.sweep import CURVES, TOLD, check_readers, evaluate

    _check_folder(args.json)
    if args.plot is not None:
        check_suffix(args.plot)
        _check_folder(args.plot)
        if args.reveal not in CURVES:
            raise ValueError(
                f"expected --reveal {', '.join(CURVES[:-1])} or {CURVES[-1]} with --plot, got {args.reveal}: "
                "it goes through no numbers of points and makes no curve"
            )
    methods = _methods(args)
    if TOLD[args.reveal]:
        check_readers(methods)
    scores = evaluate(
        methods, _test_photographs(args).images, counts=args.counts, reveal=args.reveal, patch=args.patch,
        size=args.size, seed=args.seed,
    )  # fmt: skip
    for score in scores:
        value = f"{score.psnr_mean:6.2f} ± {score.psnr_se:.2f} dB"
        print(f"{score.method:24} {_revealed(score):>12}  {value}  ({score.images} images)")
    _write_rows(args.json, [asdict(score) for score in scores])
    if args.plot is not None:
        save_figure(plot_curves(scores), args.plot)


def _revealed(score: Score) -> str:
    """What a score's method was told, in words."""
    if score.reveal in ("histogram", "saturation", "histogram+saturation"):
        return score.reveal
    points = "all points" if score.count < 0 else f"{score.count} points"
    return f"histogram + {points:>10}" if score.reveal == "histogram+points" else points


def run_behaviour(args: argparse.Namespace) -> None:
    """Measure and print how networks answer to hints."""
    from .analysis.behaviour import behave

    _check_folder(args.json)
    methods = _methods(args)
    rows = behave(methods, _test_photographs(args).images, size=args.size, seed=args.seed)
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
    _write_rows(args.json, [asdict(row) for row in rows])


def run_transfer(args: argparse.Namespace) -> None:
    """Measure and print how much of another photograph's colours arrives."""
    from .analysis.sweep import check_readers
    from .analysis.transfer import transfer

    _check_folder(args.json)
    methods = _methods(args)
    check_readers(methods)
    rows = transfer(methods, _test_photographs(args).images, size=args.size)
    print(f"{'':24}{'distance to the reference, ab units':^36}")
    print(f"{'method':24}{'automatic':>16}{'transferred':>18}{'ratio':>8}{'nearer':>9}")
    for row in rows:
        before, after = f"{row.before:.2f} ± {row.before_se:.2f}", f"{row.after:.2f} ± {row.after_se:.2f}"
        print(f"{row.method:24}{before:>16}{after:>18}{row.ratio:8.2f}{row.nearer:9.1%}")
    _write_rows(args.json, [asdict(row) for row in rows])


def run_bench(args: argparse.Namespace) -> None:
    """Measure and print times."""
    from .analysis.bench import bench

    _check_folder(args.json)
    rows = bench(args.device)
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
    _write_rows(args.json, [asdict(row) for row in rows])


def _check_folder(path: Path | None) -> None:
    """Refuse a file that cannot be written, before anything is measured for it."""
    if path is not None and (path.is_dir() or not os.access(path.parent, os.W_OK)):
        raise ValueError(f"expected a file in a folder that can be written to, got {path}")


def _write_rows(path: Path | None, rows: list[dict[str, object]]) -> None:
    """Write rows as JSON, which has no infinity and no nan: they become null."""

    def finite(value: object) -> object:
        return None if isinstance(value, float) and not math.isfinite(value) else value

    if path is not None:
        table = [{key: finite(value) for key, value in row.items()} for row in rows]
        path.write_text(json.dumps(table, indent=1))


COMMANDS = {
    "evaluate": run_evaluate,
    "behaviour": run_behaviour,
    "transfer": run_transfer,
    "bench": run_bench,
}
