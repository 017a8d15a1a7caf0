"""The command line: `ipycolorize lab | colorize | train | evaluate | behaviour | transfer | bench`."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .arguments import parse

if TYPE_CHECKING:
    from .analysis.sweep import Score
    from .models.base import Network
    from .mood import Mood
    from .session import Session
    from .training.config import TrainConfig
    from .training.data import Photographs


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; errors become one line on stderr and exit code 1 (2 for wrong arguments)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    further: list[str] = []
    if given[:1] == ["lab"] and "--" in given:
        end = given.index("--")
        given, further = given[:end], given[end + 1 :]
    args = parse(given)
    try:
        if args.command == "lab":
            return open_lab(args.photo, further)
        run = {
            "colorize": run_colorize,
            "train": run_train,
            "evaluate": run_evaluate,
            "behaviour": run_behaviour,
            "transfer": run_transfer,
            "bench": run_bench,
        }
        run[args.command](args)
    except (ValueError, OSError, RuntimeError) as error:  # every error of the package is one of these
        print(f"ipycolorize: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("ipycolorize: stopped", file=sys.stderr)
        return 130
    return 0


def open_lab(photo: Path | None, further: list[str]) -> int:
    """Open JupyterLab on a notebook for the photograph."""
    from .launch import launch_lab

    return launch_lab(photo, further)


def run_colorize(args: argparse.Namespace) -> None:
    """Colorize one photograph and write it."""
    from .session import Session

    session = Session(args.photo, args.model, device=args.device)
    if args.hints:
        session.load(args.hints)
    for row, col, rgb, size in args.point:
        session.add(row, col, ab=session.ab_of(rgb), size=size)
    session.set_mood(_mood(session, args))
    session.export(args.out)
    height, width = session.photo.shape
    asked = ", ".join([f"{len(session.hints)} hints", *_mood_in_words(session.mood)])
    print(f"{args.out}: {width} x {height}, {asked}, {session.network_name} on {session.device}")


def _mood(session: Session, args: argparse.Namespace) -> Mood:
    """The mood of the saved hints, with what the arguments name in the place of its own."""
    mood = session.mood
    if args.histogram_of is not None:
        reference = session.mood_of(args.histogram_of)
        mood = replace(mood, histogram=reference.histogram, source=reference.source)
    if args.saturation is not None:
        mood = replace(mood, saturation=args.saturation)
    if args.strength is not None:
        if mood.histogram is None and mood.saturation is None:
            raise ValueError(
                "expected something that --strength is the strength of: --histogram-of, --saturation, or "
                "--hints with a mood"
            )
        mood = replace(mood, strength=args.strength)
    return mood


def _mood_in_words(mood: Mood) -> list[str]:
    """What is asked of the colours as a whole."""
    words = []
    if mood.histogram is not None:
        words.append(f"histogram of {mood.source}" if mood.source else "a histogram")
    if mood.saturation is not None:
        words.append(f"saturation {mood.saturation:.2f}")
    return [*words, f"strength {mood.strength:.2f}"] if words and mood.strength < 1 else words


def run_train(args: argparse.Namespace) -> None:
    """Train, alone or with other processes, and say where the weights are."""
    import torch

    from .models.weights import build, load_model
    from .processes import join
    from .protocol import square
    from .training.data import DataError, Photographs, free_memory
    from .training.loop import Trainer

    with join(args.device) as processes:
        config = _train_config(args, processes.count)
        torch.manual_seed(args.seed)
        if args.init is not None:
            network = load_model(args.init)
        elif args.network == "siggraph17":
            arguments = {"width": args.width or 16, "variant": args.variant or "local"}
            network = build("siggraph17", arguments)
        else:
            network = build("live", {})
        memory = free_memory() / 2 if args.memory is None else args.memory
        photographs = Photographs.load(
            args.sources, limit=args.limit, memory=memory / processes.count, seed=args.seed,
            progress=processes.main,
        )  # fmt: skip
        held_out = None
        if args.validate is not None:
            try:
                tests = Photographs.load([args.validate], short_side=256, limit=50, progress=False)
            except DataError as error:
                raise DataError(f"--validate: {error}") from error
            held_out = torch.stack([square(rgb, 256) for rgb in tests.images])
        network.to(processes.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        trainer = Trainer(
            network, photographs, config, args.out, validation=held_out, processes=processes,
            compile="inductor" if args.compile else None,
        )  # fmt: skip
        if processes.main:
            print(photographs.summary())
        trainer.run(every_seconds=args.log_every)
        if processes.main:
            if not trainer.finished:
                print(f"stopped after {trainer.step} steps")
            print(
                f"weights: {args.out / 'average.safetensors'}; the same command goes on from the checkpoint"
            )


def _train_config(args: argparse.Namespace, processes: int) -> TrainConfig:
    from .training.config import FINE_PHASES, FINE_RATE, PHASES, RATE, Phase, TrainConfig

    one_size = args.crop is not None or args.batch is not None
    phases, rate = (PHASES, RATE) if args.init is None else (FINE_PHASES, FINE_RATE)
    config = TrainConfig(
        minutes=30.0 if args.minutes is None and args.steps is None else args.minutes,
        steps=args.steps,
        phases=(Phase(0.0, crop=args.crop or 128, batch=args.batch or 16),) if one_size else phases,
        rate=args.rate or rate,
        rebalance=args.rebalance,
        shards=args.shards or processes,
        seed=args.seed,
    )
    if args.paper:
        config = replace(config, blank=0.0, many=0.0, strokes=0.0, statistics=0.75, unusual=0.0, aged=0.0)
    return config


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
