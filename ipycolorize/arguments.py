"""The arguments of all commands; nothing here needs torch."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import __version__

COUNTS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500)
FEW = (0, 1, 2, 5, 10, 20)  # where every point takes a prediction
EXPERIMENTS = ("table1", "figure3", "figure6", "figure7", "figure8", "figure9", "figure10", "limits")
NETWORKS = ("live", "siggraph17", "zhang16", "larsson16", "iizuka16")
Further = Callable[[Any], None]  # takes what `add_subparsers` gives
REVEALS = (
    "random", "max-error", "entropy", "all", "histogram", "saturation", "histogram+saturation",
    "histogram+points",
)  # fmt: skip

EXAMPLES = {
    "lab": """examples:
  ipycolorize lab
  ipycolorize lab grandmother.jpg""",
    "colorize": """examples:
  ipycolorize colorize photo.jpg
  ipycolorize colorize photo.jpg -o colour.png --point 120,340,#c05030 --point 60,80,#7090c0,25
  ipycolorize colorize photo.jpg --hints photo_hints.json --saturation 0.2
  ipycolorize colorize photo.jpg --histogram-of reference.jpg --strength 0.7""",
    "train": """examples:
  ipycolorize train PHOTOS -o runs/mine --init live --minutes 60 --validate HELD_OUT
  ipycolorize train PHOTOS -o runs/new --network siggraph17 --steps 10000""",
    "evaluate": """examples:
  ipycolorize evaluate HELD_OUT --methods live,levin,gray --out results
  ipycolorize evaluate HELD_OUT --reveal max-error --counts 0,1,10 --limit 20""",
    "reproduce": """examples:
  ipycolorize reproduce table1 --photos HELD_OUT --out results
  ipycolorize reproduce figure6 --photos HELD_OUT --out results --methods live,gray --limit 100""",
    "behaviour": """examples:
  ipycolorize behaviour HELD_OUT --methods live,siggraph17 --limit 60""",
    "transfer": """examples:
  ipycolorize transfer HELD_OUT --methods live,reinhard --limit 60""",
    "bench": """examples:
  ipycolorize bench
  ipycolorize bench --json bench.json --quiet""",
}


METRICS = ("colourfulness", "ciede2000", "ciede2000-edges", "chroma")


def point(text: str) -> tuple[int, int, tuple[int, int, int], int | None]:
    """Read ROW,COL,#RRGGBB[,SIZE], and say which part is wrong."""
    from .color import parse_hex

    parts = [part.strip() for part in text.split(",")]
    try:
        if len(parts) not in (3, 4):
            raise ValueError(f"this has {len(parts)} parts")
        row, col = (_least(name, part, 0) for name, part in zip(("row", "column"), parts, strict=False))
        size = _least("size", parts[3], 1) if len(parts) == 4 else None
        return row, col, parse_hex(parts[2]), size
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"expected ROW,COL,#RRGGBB[,SIZE] such as 120,340,#c05030, got {text!r}: {error}"
        ) from None


def _least(name: str, text: str, least: int) -> int:
    """Read a whole number that a name in a message belongs to."""
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", text) or int(text) < least:
        kind = "a whole number, counted from 0 at the top left" if least == 0 else "at least 1 pixel"
        raise ValueError(f"the {name} must be {kind}, not {text!r}")
    return int(text)


def counts(text: str) -> tuple[int, ...]:
    """Read numbers of points such as 0,1,10."""
    try:
        values = tuple(int(part) for part in text.split(","))
    except ValueError:
        values = (-1,)
    if min(values) < 0:
        raise argparse.ArgumentTypeError(f"expected numbers such as 0,1,10, got {text!r}")
    return values


def metrics(text: str) -> tuple[str, ...]:
    """Read names of metrics such as colourfulness,ciede2000; PSNR is measured anyway."""
    names = tuple(dict.fromkeys(METRICS if text == "all" else text.split(",")))
    for name in names:
        if name not in (*METRICS, "psnr"):
            raise argparse.ArgumentTypeError(f"expected all, or some of {', '.join(METRICS)}, got {name!r}")
    return tuple(name for name in names if name != "psnr")


def natural(text: str) -> int:
    """Read a number of at least 1."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return value


def seed(text: str) -> int:
    """Read a number that random numbers begin with."""
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 0, got {text!r}")
    return int(text)


def positive(text: str) -> float:
    """Read a number above 0 that ends somewhere."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return value


def share(text: str) -> float:
    """Read a number within 0..1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"expected a number within 0..1, got {text!r}")
    return value


class Help(argparse.HelpFormatter):
    """Wraps descriptions and leaves examples and tables as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else super()._fill_text(text, width, indent)


def parser(further: Sequence[Further] = (), epilog: str | None = None) -> argparse.ArgumentParser:
    """All commands and their arguments.

    Args:
        further: functions that add commands which are at home elsewhere.
        epilog: what ends the help of the whole.
    """
    top = argparse.ArgumentParser(
        prog="ipycolorize", description="Colorize photographs with a few hints.", epilog=epilog,
        formatter_class=Help,
    )  # fmt: skip
    top.add_argument("--version", action="version", version=f"ipycolorize {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    lab = commands.add_parser(
        "lab",
        help="open JupyterLab with a pad on a photograph",
        description="Open JupyterLab with a pad on a photograph. All options, and what follows --, go to "
        "`jupyter lab`: ipycolorize lab photo.jpg --no-browser --port 8890",
    )
    lab.add_argument("photo", nargs="?", type=Path, help="the photograph; a sample without it")

    colorize = commands.add_parser("colorize", help="colorize a photograph without a notebook")
    colorize.add_argument("photo", type=Path, help="the photograph; - is standard input")
    colorize.add_argument(
        "-o", "--out", type=Path,
        help="picture to write: .png, .jpg or .tif; - is standard output (default: PHOTO_colorized.png "
        "beside the photograph, with a number where that is taken)",
    )  # fmt: skip
    colorize.add_argument("--format", choices=("png", "jpg", "tif"), help="of a picture on standard output")
    add_coloring(colorize, hints="hints saved by a pad (JSON)")

    _add_training(commands.add_parser("train", help="train a network on photographs"))

    evaluate = commands.add_parser("evaluate", help="PSNR against what is revealed: points, statistics")
    evaluate.add_argument("source", type=Path, help="folder or tar of photographs")
    _add_counts(evaluate)
    evaluate.add_argument(
        "--reveal", choices=REVEALS, default="random",
        help="random points, points where the prediction is worst or its entropy greatest (one prediction a "
        "point), all pixels; the true histogram of colours, the true mean saturation, both, or the histogram "
        "and random points",
    )  # fmt: skip
    evaluate.add_argument(
        "--metrics", type=metrics, default=(), metavar="NAME,NAME",
        help=f"beside PSNR: all, or some of {', '.join(METRICS)}",
    )  # fmt: skip
    evaluate.add_argument("--patch", type=natural, default=7, help="side of a revealed patch in pixels")
    evaluate.add_argument("--plot", type=Path, help="draw the curves into this file: .png, .pdf or .svg")
    evaluate.add_argument(
        "-o", "--out", type=Path, metavar="FOLDER",
        help="keep the results of every photograph there (results.csv) and go on from what is there already; "
        "write means, paired differences, curves, and where the first method wins and loses most",
    )  # fmt: skip
    _add_measuring(evaluate)
    evaluate.add_argument("--seed", type=seed, default=0)

    _add_reproduce(
        commands.add_parser("reproduce", help="the paper's tables and figures, on any photographs")
    )

    behaviour = commands.add_parser("behaviour", help="are hints obeyed, do they harm, do they spread")
    behaviour.add_argument("source", type=Path, help="folder or tar of photographs")
    _add_measuring(behaviour)
    behaviour.add_argument("--seed", type=seed, default=0)

    transfer = commands.add_parser(
        "transfer",
        help="how much of another photograph's colours arrives",
        description="Give every photograph the histogram of another one, and measure the earth mover's "
        "distance from the result's histogram to it.",
    )
    transfer.add_argument("source", type=Path, help="folder or tar of photographs")
    _add_measuring(transfer, methods="live,siggraph17-global,reinhard,larsson-matching")

    bench = commands.add_parser("bench", help="time and memory of an edit, beside the paper's network")
    bench.add_argument("--json", type=Path, help="write the rows to this file")
    bench.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")
    for add in further:
        add(commands)
    for name, command in commands.choices.items():
        command.formatter_class = Help
        command.epilog = command.epilog or EXAMPLES.get(name)
        if command is not lab:  # whose options are Jupyter's
            command.add_argument("-q", "--quiet", action="store_true", help="only results and errors")
    for name in ("colorize", "train", "evaluate", "reproduce", "behaviour", "transfer", "bench"):
        commands.choices[name].add_argument(
            "--force", action="store_true", help="replace files that are there already"
        )
    return top


def add_coloring(command: argparse.ArgumentParser, *, hints: str) -> None:
    """What to ask of a photograph, or of many alike; `hints` is the help of that option."""
    command.add_argument("--hints", type=Path, help=hints)
    command.add_argument(
        "--point", type=point, action="append", default=[], metavar="ROW,COL,#RRGGBB[,SIZE]",
        help="a colour at a pixel of the photograph; may be repeated",
    )  # fmt: skip
    command.add_argument(
        "--histogram-of", type=Path, metavar="REF", help="photograph whose colours, as a whole, to ask for"
    )
    command.add_argument(
        "--saturation", type=share, metavar="S", help="how saturated on average, 0 (grey) to 1"
    )
    command.add_argument(
        "--strength", type=share, metavar="X", help="how much of the way to these two, 0 to 1 (default 1)"
    )
    command.add_argument(
        "--vividness", type=share, metavar="V",
        help="how lively colours are that nobody asked for: 0 errs least and looks dull, 1 is loud (default: "
        "as saved with the hints; without hints the pad's usual one)",
    )  # fmt: skip
    _add_model(command)


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", default="live", help="name of shipped weights, or a weights file")
    command.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")


def _add_measuring(command: argparse.ArgumentParser, *, methods: str = "live,gray") -> None:
    command.add_argument(
        "--methods", default=methods,
        help="with commas: networks, weights files, gray, levin, bilateral, deepprop, reinhard, "
        f"larsson-matching (default {methods})",
    )  # fmt: skip
    command.add_argument("--size", type=natural, default=256, help="photographs are squashed to this side")
    command.add_argument("--limit", type=natural, help="use at most so many photographs")
    command.add_argument("--json", type=Path, help="write the rows to this file")
    command.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")


def _add_counts(command: argparse.ArgumentParser) -> None:
    usual, few = (",".join(map(str, numbers)) for numbers in (COUNTS, FEW))
    command.add_argument(
        "--counts", type=counts, metavar="0,1,10",
        help=f"numbers of points (default {usual}; for max-error and entropy, where every point takes a "
        f"prediction, {few})",
    )  # fmt: skip


def _add_reproduce(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Write a table (CSV, Markdown) and a figure (PNG, PDF). table1 and figure6 keep the results of every "
        "photograph in OUT/results.csv: what was interrupted goes on, and several processes share the "
        "photographs out (PYTHONSAFEPATH=1 torchrun --nproc-per-node 2 -m ipycolorize reproduce ...)."
    )
    command.add_argument("name", choices=EXPERIMENTS, help=", ".join(EXPERIMENTS), metavar="NAME")
    command.add_argument("--photos", type=Path, required=True, help="folder or tar of photographs")
    command.add_argument("-o", "--out", type=Path, required=True, help="folder to write to")
    command.add_argument("--methods", help="what to compare, with commas (default: as in the paper)")
    command.add_argument(
        "--limit", type=natural,
        help="use at most so many photographs (default: all for tables and curves, a few for pictures)",
    )  # fmt: skip
    _add_counts(command)
    command.add_argument("--size", type=natural, default=256, help="side at which photographs are measured")
    command.add_argument("--seed", type=seed, default=0)
    command.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")


def _add_training(train: argparse.ArgumentParser) -> None:
    add = train.add_argument
    add("sources", nargs="+", type=Path, help="folders of images, tar shards of images, single images")
    add("-o", "--out", type=Path, required=True, help="folder for checkpoints, log and weights")
    start = train.add_mutually_exclusive_group()
    start.add_argument("--network", choices=NETWORKS, help="a new one (default live)")
    start.add_argument(
        "--init", metavar="NAME_OR_FILE", help="start from shipped weights or a weights file: fine-tuning"
    )
    add("--width", type=natural, help="of other networks than live: 64 is their authors' (default 16)")
    add(
        "--variant", choices=("local", "global"),
        help="of siggraph17: reads points, or a histogram and a saturation as well (default local)",
    )  # fmt: skip
    budget = train.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=positive, help="of training, in all (default 30)")
    budget.add_argument("--steps", type=natural, help="of training, in all: exactly repeatable")
    add("--crop", type=natural, help="side of all crops in pixels; by default they grow while training")
    add("--batch", type=natural, help="crops in a step (default 16 with --crop)")
    add("--shards", type=natural, help="parts of a batch, shared out among processes (default: one for each)")
    add("--rate", type=positive, help="peak learning rate (default 0.001; with --init 0.0001)")
    add(
        "--rebalance", type=float, default=0.0, metavar="SHARE",
        help="let rare colours count more for the palette; the smaller the more, 0.5 is usual (default: off)",
    )  # fmt: skip
    add("--paper", action="store_true", help="the paper's simulated users and photographs as they are")
    add("--validate", type=Path, metavar="SOURCE", help="held-out photographs for the PSNR in the log")
    add("--limit", type=natural, help="use at most so many photographs")
    add("--memory", type=positive, metavar="GB", help="that photographs may take; more are streamed")
    add("--seed", type=seed, default=0)
    add("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")
    add(
        "--compile",
        action="store_true",
        help="compile the network first: takes minutes, gains nothing on two processor cores",
    )
    add("--log-every", type=float, default=60.0, metavar="SECONDS", help="between checkpoints (default 60)")


def parse(
    given: Sequence[str], further: Sequence[Further] = (), epilog: str | None = None
) -> argparse.Namespace:
    """Read all arguments; those that contradict each other end the program as wrong ones do."""
    top = parser(further, epilog)
    args = top.parse_args(_with_lists(given))
    for name in ("width", "variant") if args.command == "train" else ():
        if getattr(args, name) is None:
            continue
        if args.init is not None:
            top.error(f"argument --{name}: not allowed with argument --init: the weights know their {name}")
        wide = NETWORKS[1:] if name == "width" else ("siggraph17",)
        if args.network not in wide:
            here = args.network or "live"
            known = " or ".join([", ".join(wide[:-1]), wide[-1]] if len(wide) > 1 else wide)
            top.error(f"argument --{name}: only with --network {known}; {here} has no {name} to choose")
    return args


def _with_lists(given: Sequence[str]) -> list[str]:
    """The arguments, each list that begins with a minus (-1,5,#fff) joined to the option before it.

    argparse takes it for an option and says only that there is no value; joined, the value is judged.
    """
    joined: list[str] = []
    for text in given:
        if re.match(r"-[0-9.]+,", text) and joined and re.fullmatch(r"--[a-z][a-z-]*", joined[-1]):
            joined[-1] += f"={text}"
        else:
            joined.append(text)
    return joined
