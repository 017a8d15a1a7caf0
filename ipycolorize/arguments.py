"""The arguments of all commands; nothing here needs torch."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from . import __version__

COUNTS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500)


def point(text: str) -> tuple[int, int, tuple[int, int, int], int | None]:
    """Read ROW,COL,#RRGGBB[,SIZE]."""
    from .color import parse_hex

    parts = text.split(",")
    try:
        if len(parts) not in (3, 4):
            raise ValueError(f"{len(parts)} parts")
        size = int(parts[3]) if len(parts) == 4 else None
        return int(parts[0]), int(parts[1]), parse_hex(parts[2]), size
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"expected ROW,COL,#RRGGBB[,SIZE] such as 120,340,#c05030, got {text!r} ({error})"
        ) from None


def counts(text: str) -> tuple[int, ...]:
    """Read numbers of points such as 0,1,10."""
    try:
        values = tuple(int(part) for part in text.split(","))
    except ValueError:
        values = (-1,)
    if min(values) < 0:
        raise argparse.ArgumentTypeError(f"expected numbers such as 0,1,10, got {text!r}")
    return values


def natural(text: str) -> int:
    """Read a number of at least 1."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return value


def parser() -> argparse.ArgumentParser:
    """All commands and their arguments."""
    top = argparse.ArgumentParser(prog="ipycolorize", description="Colorize photographs with a few hints.")
    top.add_argument("--version", action="version", version=f"ipycolorize {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    lab = commands.add_parser(
        "lab",
        help="open JupyterLab with a pad on a photograph",
        description="Open JupyterLab on a ready notebook. What follows -- goes to Jupyter.",
    )
    lab.add_argument("photo", nargs="?", type=Path, help="the photograph; a sample without it")

    colorize = commands.add_parser("colorize", help="colorize a photograph without a notebook")
    colorize.add_argument("photo", type=Path)
    colorize.add_argument(
        "-o", "--out", type=Path, required=True, help="picture to write: .png, .jpg or .tif"
    )
    colorize.add_argument("--hints", type=Path, help="hints saved by a pad (JSON)")
    colorize.add_argument(
        "--point", type=point, action="append", default=[], metavar="ROW,COL,#RRGGBB[,SIZE]",
        help="a colour at a pixel of the photograph; may be repeated",
    )  # fmt: skip
    _add_model(colorize)

    _add_training(commands.add_parser("train", help="train a network on photographs"))

    evaluate = commands.add_parser("evaluate", help="PSNR against the number of revealed points")
    evaluate.add_argument("source", type=Path, help="folder or tar of photographs")
    evaluate.add_argument("--counts", type=counts, default=COUNTS, metavar="0,1,10", help="numbers of points")
    evaluate.add_argument(
        "--reveal", choices=("random", "max-error", "all"), default="random",
        help="random points, points where the prediction is worst (one prediction a point), or all pixels",
    )  # fmt: skip
    evaluate.add_argument("--patch", type=natural, default=7, help="side of a revealed patch in pixels")
    evaluate.add_argument("--plot", type=Path, help="draw the curves into this file: .png, .pdf or .svg")
    _add_measuring(evaluate)

    behaviour = commands.add_parser("behaviour", help="are hints obeyed, do they harm, do they spread")
    behaviour.add_argument("source", type=Path, help="folder or tar of photographs")
    _add_measuring(behaviour)

    bench = commands.add_parser("bench", help="time and memory of an edit, beside the paper's network")
    bench.add_argument("--json", type=Path, help="write the rows to this file")
    bench.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")
    return top


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", default="live", help="name of shipped weights, or a weights file")
    command.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")


def _add_measuring(command: argparse.ArgumentParser) -> None:
    command.add_argument("--methods", default="live,gray", help="networks, weights files, gray; with commas")
    command.add_argument("--size", type=natural, default=256, help="photographs are squashed to this side")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--limit", type=natural, help="use at most so many photographs")
    command.add_argument("--json", type=Path, help="write the rows to this file")
    command.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")


def _add_training(train: argparse.ArgumentParser) -> None:
    add = train.add_argument
    add("sources", nargs="+", type=Path, help="folders of images, tar shards of images, single images")
    add("-o", "--out", type=Path, required=True, help="folder for checkpoints, log and weights")
    start = train.add_mutually_exclusive_group()
    start.add_argument("--network", choices=("live", "siggraph17"), help="a new one (default live)")
    start.add_argument(
        "--init", metavar="NAME_OR_FILE", help="start from shipped weights or a weights file: fine-tuning"
    )
    add("--width", type=natural, help="of siggraph17: 64 is the paper's (default 16)")
    budget = train.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=float, help="of training, in all (default 30)")
    budget.add_argument("--steps", type=natural, help="of training, in all: exactly repeatable")
    add("--crop", type=natural, help="side of all crops in pixels; by default they grow while training")
    add("--batch", type=natural, help="crops in a step (default 16 with --crop)")
    add("--shards", type=natural, help="parts of a batch, shared out among processes (default: one for each)")
    add("--rate", type=float, help="peak learning rate (default 0.001; with --init 0.0001)")
    add(
        "--rebalance", type=float, default=0.0, metavar="SHARE",
        help="let rare colours count more for the palette; the smaller the more, 0.5 is usual (default: off)",
    )  # fmt: skip
    add("--paper", action="store_true", help="the paper's simulated users and photographs as they are")
    add("--validate", type=Path, metavar="SOURCE", help="held-out photographs for the PSNR in the log")
    add("--limit", type=natural, help="use at most so many photographs")
    add("--memory", type=float, metavar="GB", help="that photographs may take; more are streamed")
    add("--seed", type=int, default=0)
    add("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")
    add(
        "--compile",
        action="store_true",
        help="compile the network first: takes minutes, gains nothing on two processor cores",
    )
    add("--log-every", type=float, default=60.0, metavar="SECONDS", help="between checkpoints (default 60)")


def parse(given: Sequence[str]) -> argparse.Namespace:
    """Read all arguments; those that contradict each other end the program as wrong ones do."""
    top = parser()
    args = top.parse_args(given)
    if args.command == "train" and args.width is not None:
        if args.init is not None:
            top.error("argument --width: not allowed with argument --init: the weights know their width")
        if args.network != "siggraph17":
            top.error("argument --width: only with --network siggraph17; live has no width to choose")
    return args
