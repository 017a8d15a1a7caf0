"""The command line: which command runs, and `lab`, `colorize` and `train` themselves."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..arguments import parse
from ..errors import RequestError
from ..files import free_name
from ..terminal import show_everything
from . import batch, doctor, weights
from .exits import DONE, TABLE, end
from .progress import waiting

if TYPE_CHECKING:
    from ..training.config import TrainConfig


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code (`exits.TABLE`), and an error is one line on stderr."""
    show_everything()
    given = list(sys.argv[1:] if arguments is None else arguments)
    further: list[str] = []
    if given[:1] == ["lab"]:
        from ..launch import split

        given, further = split(given)
    args = parse(given, (batch.add_arguments, weights.add_arguments, doctor.add_arguments), TABLE)
    try:
        if args.command == "lab":
            return open_lab(args.photo, further)
        run = COMMANDS.get(args.command)
        if run is None:
            from .. import measuring

            run = measuring.COMMANDS[args.command]
        code = run(args)
        sys.stdout.flush()  # here, where a reader that has gone is understood
    except (Exception, KeyboardInterrupt) as error:
        return end(error)
    return DONE if code is None else code


def open_lab(photo: Path | None, further: list[str]) -> int:
    """Open JupyterLab on a notebook for the photograph."""
    from ..launch import launch_lab

    return launch_lab(photo, further)


def run_colorize(args: argparse.Namespace) -> None:
    """Colorize one photograph and write it."""
    from ..standard import messages, picture_target, read_photograph
    from .recipe import Recipe, colorize, in_words

    with waiting(f"colorizing {args.photo}", quiet=args.quiet):
        photo = read_photograph(args.photo)
        folder = Path() if str(args.photo) == "-" else args.photo.parent
        out = args.out or free_name(folder / f"{photo.name}_colorized.png")
        target = picture_target(out, photo, format=args.format, force=args.force, spare=args.histogram_of)
        session = colorize(photo, Recipe.of(args), hints=args.hints)
        session.export(target, format=args.format, overwrite=args.force)
    height, width = session.photo.shape
    if not args.quiet:
        print(f"{out}: {width} x {height}, {in_words(session)}", file=messages(out))


def run_train(args: argparse.Namespace) -> None:
    """Train, alone or with other processes, and say where the weights are."""
    import torch

    from ..gamut import AbBins
    from ..models.weights import build, load_model
    from ..processes import join
    from ..protocol import square
    from ..training.balance import estimate_distribution
    from ..training.config import automatic
    from ..training.data import DataError, Photographs, free_memory
    from ..training.folder import check_folder
    from ..training.loop import Trainer

    check_folder(args.out, overwrite=args.force, remedy="--force")  # before photographs are read for it
    with join(args.device) as processes:
        torch.manual_seed(args.seed)
        if args.init is not None:
            network = load_model(args.init)
        else:
            network = build(args.network or "live", _arguments(args))
            network.start_new()
        config = _checked_config(args, processes.count)
        if not network.reads_points:
            config = automatic(config, squares=network.name == "iizuka16")
        memory = free_memory() / 2 if args.memory is None else args.memory
        photographs = Photographs.load(
            args.sources, limit=args.limit, memory=memory / processes.count, seed=args.seed,
            progress=processes.main and not args.quiet,
        )  # fmt: skip
        held_out = None
        if args.validate is not None:
            try:
                tests = Photographs.load([args.validate], short_side=256, limit=50, progress=False)
            except DataError as error:
                raise DataError(f"--validate: {error}") from error
            held_out = torch.stack([square(rgb, 256) for rgb in tests.images])
        if args.init is None and isinstance(network.prior, torch.Tensor):
            network.prior.copy_(estimate_distribution(photographs, AbBins(), seed=args.seed))
        network.to(processes.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        trainer = Trainer(
            network, photographs, config, args.out, validation=held_out, processes=processes,
            compile="inductor" if args.compile else None, overwrite=args.force,
        )  # fmt: skip
        if processes.main and not args.quiet:
            print(photographs.summary())
        trainer.run(every_seconds=args.log_every, progress=not args.quiet)
        if processes.main and not args.quiet:
            if not trainer.finished:
                print(f"stopped after {trainer.step} steps")
            best = f" (best on {args.validate}: {trainer.best})" if trainer.best.exists() else ""
            print(
                f"weights: {args.out / 'average.safetensors'}{best}; the same command goes on from the "
                "checkpoint"
            )


def _arguments(args: argparse.Namespace) -> dict[str, object]:
    """What a new network is built with."""
    if args.network in (None, "live"):
        return {}
    variant = {"variant": args.variant or "local"} if args.network == "siggraph17" else {}
    return {"width": args.width or 16, **variant}


def _checked_config(args: argparse.Namespace, processes: int) -> TrainConfig:
    """The configuration; what it refuses is what the arguments say."""
    try:
        config = _train_config(args, processes)
    except ValueError as error:
        raise RequestError(str(error)) from error
    if config.shards % processes:
        raise RequestError(
            f"expected --shards that {processes} processes can share out evenly, got {config.shards}"
        )
    return config


def _train_config(args: argparse.Namespace, processes: int) -> TrainConfig:
    from ..training.config import AUTOMATIC_FIRST, FINE_PHASES, FINE_RATE, PHASES, RATE, Phase, TrainConfig

    one_size = args.crop is not None or args.batch is not None
    phases, rate = (PHASES, RATE) if args.init is None else (FINE_PHASES, FINE_RATE)
    if args.init is None and args.network in (None, "live"):
        phases = AUTOMATIC_FIRST
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
        config = replace(
            config, blank=0.0, many=0.0, strokes=0.0, statistics=0.75, unusual=0.0, aged=0.0, varied=0.0
        )
    return config


COMMANDS: dict[str, Callable[[argparse.Namespace], int | None]] = {
    "colorize": run_colorize,
    "batch": batch.run_batch,
    "weights": weights.run_weights,
    "doctor": doctor.run_doctor,
    "train": run_train,
}
