"""The command line: `ipycolorize lab | colorize | train`, and the commands of `measuring`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .arguments import parse

if TYPE_CHECKING:
    from .mood import Mood
    from .session import Session
    from .training.config import TrainConfig


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
        run = {"colorize": run_colorize, "train": run_train}.get(args.command)
        if run is None:
            from . import measuring

            run = measuring.COMMANDS[args.command]
        run(args)
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
    from .standard import messages, picture_target, read_photograph

    photo = read_photograph(args.photo)
    target = picture_target(args.out, photo, format=args.format, force=args.force, spare=args.histogram_of)
    session = Session(photo, args.model, device=args.device)
    if args.hints:
        session.load(args.hints)
    for row, col, rgb, size in args.point:
        session.add(row, col, ab=session.ab_of(rgb), size=size)
    session.set_mood(_mood(session, args))
    session.export(target, format=args.format, overwrite=args.force)
    height, width = session.photo.shape
    asked = ", ".join([f"{len(session.hints)} hints", *_mood_in_words(session.mood)])
    done = f"{args.out}: {width} x {height}, {asked}, {session.network_name} on {session.device}"
    print(done, file=messages(args.out))


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
    from .training.config import automatic
    from .training.data import DataError, Photographs, free_memory
    from .training.folder import check_folder
    from .training.loop import Trainer

    check_folder(args.out, overwrite=args.force, remedy="--force")  # before photographs are read for it
    with join(args.device) as processes:
        torch.manual_seed(args.seed)
        if args.init is not None:
            network = load_model(args.init)
        else:
            network = build(args.network or "live", _arguments(args))
        config = _train_config(args, processes.count)
        if not network.reads_points:
            config = automatic(config, squares=network.name == "iizuka16")
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
            compile="inductor" if args.compile else None, overwrite=args.force,
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


def _arguments(args: argparse.Namespace) -> dict[str, object]:
    """What a new network is built with."""
    if args.network in (None, "live"):
        return {}
    variant = {"variant": args.variant or "local"} if args.network == "siggraph17" else {}
    return {"width": args.width or 16, **variant}


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
