"""The command line: `ipycolorize lab | colorize | train | evaluate | bench`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from . import __version__

if TYPE_CHECKING:
    from .models.base import Network

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

    train = commands.add_parser("train", help="train a network on photographs")
    train.add_argument("sources", nargs="+", type=Path, help="folders of images, or tar shards of images")
    train.add_argument(
        "-o", "--out", type=Path, required=True, help="folder for checkpoints, log and weights"
    )
    train.add_argument("--network", choices=("live", "siggraph17"), default="live")
    train.add_argument("--width", type=int, help="of siggraph17: 64 is the paper's (default 16)")
    train.add_argument("--minutes", type=float, default=30.0, help="of training, in all (default 30)")
    train.add_argument("--batch", type=int, default=16)
    train.add_argument("--crop", type=int, default=128, help="side of the training crops in pixels")
    train.add_argument("--rate", type=float, default=1e-3, help="peak learning rate")
    train.add_argument("--limit", type=int, help="use at most so many photographs")
    train.add_argument(
        "--validate", type=Path, help="folder or tar of held-out photographs for the PSNR in the log"
    )
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")

    evaluate = commands.add_parser("evaluate", help="PSNR against the number of revealed points")
    evaluate.add_argument("source", type=Path, help="folder or tar of photographs")
    evaluate.add_argument(
        "--methods", default="live,gray", help="networks, weights files or gray, with commas"
    )
    evaluate.add_argument("--counts", type=counts, default=COUNTS)
    evaluate.add_argument("--reveal", choices=("random", "all"), default="random")
    evaluate.add_argument("--patch", type=int, default=7)
    evaluate.add_argument("--size", type=int, default=256)
    evaluate.add_argument("--seed", type=int, default=0)
    evaluate.add_argument("--limit", type=int, help="use at most so many photographs")
    evaluate.add_argument("--json", type=Path, help="write the rows to this file")
    evaluate.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")

    bench = commands.add_parser("bench", help="time and memory of an edit, beside the paper's network")
    bench.add_argument("--json", type=Path, help="write the rows to this file")
    bench.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")
    return top


def _add_model(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", default="live", help="name of shipped weights, or a weights file")
    command.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; errors become one line on stderr and exit code 1 (2 for wrong arguments)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    further: list[str] = []
    if given[:1] == ["lab"] and "--" in given:
        end = given.index("--")
        given, further = given[:end], given[end + 1 :]
    args = parser().parse_args(given)
    try:
        if args.command == "lab":
            return open_lab(args.photo, further)
        {"colorize": run_colorize, "train": run_train, "evaluate": run_evaluate, "bench": run_bench}[
            args.command
        ](args)
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
    session.export(args.out)
    height, width = session.photo.shape
    done = f"{width} x {height}, {len(session.hints)} hints, {session.network_name} on {session.device}"
    print(f"{args.out}: {done}")


def run_train(args: argparse.Namespace) -> None:
    """Train, and say where the weights are."""
    import torch

    from .models.device import pick_device
    from .models.weights import build
    from .protocol import square
    from .training.data import Photographs
    from .training.loop import TrainConfig, Trainer

    config = TrainConfig(
        minutes=args.minutes, batch=args.batch, crop=args.crop, rate=args.rate, seed=args.seed
    )
    torch.manual_seed(args.seed)
    network = build(args.network, {"width": args.width or 16} if args.network == "siggraph17" else {})
    photographs = Photographs.load(args.sources, limit=args.limit)
    print(f"{len(photographs)} photographs; left out: {photographs.left_out}")
    held_out = None
    if args.validate:
        held_out = torch.stack(
            [square(rgb, 192) for rgb in Photographs.load([args.validate], limit=50).images]
        )
    trainer = Trainer(
        network.to(pick_device(args.device)), photographs, config, args.out, validation=held_out
    )
    trainer.run()
    if not trainer.finished:
        print(f"stopped after {trainer.step} steps")
    print(f"weights: {args.out / 'average.safetensors'}; the same command goes on from the checkpoint")


def _method(name: str, device: str) -> Network:
    from .analysis.sweep import Gray
    from .models.device import pick_device
    from .models.weights import load_model

    return Gray().to(pick_device(device)) if name == "gray" else load_model(name, device=device)


def run_evaluate(args: argparse.Namespace) -> None:
    """Measure and print the curve."""
    from .analysis.sweep import evaluate
    from .training.data import Photographs

    methods = {name: _method(name, args.device) for name in args.methods.split(",")}
    photographs = Photographs.load(
        [args.source], short_side=args.size, smallest=min(64, args.size), limit=args.limit
    )
    print(f"{len(photographs)} photographs; left out: {photographs.left_out}")
    scores = evaluate(
        methods, photographs.images, counts=args.counts, reveal=args.reveal, patch=args.patch, size=args.size,
        seed=args.seed,
    )  # fmt: skip
    for score in scores:
        shown = "all" if score.count < 0 else score.count
        value = f"{score.psnr_mean:6.2f} ± {score.psnr_se:.2f} dB"
        print(f"{score.method:24} {shown:>5} points  {value}  ({score.images} images)")
    _write_rows(args.json, [asdict(score) for score in scores])


def run_bench(args: argparse.Namespace) -> None:
    """Measure and print times."""
    from .analysis.bench import bench

    rows = bench(args.device)
    print(
        f"{'network':26}{'points':>7}{'dtype':>10}{'encode':>10}{'edit':>10}{'click→rgb':>11}{'GFLOP':>9}{'peak':>9}"
    )
    for row in rows:
        print(
            f"{row.network:26}{row.points:7}{row.dtype:>10}{row.encode_ms:7.1f} ms{row.edit_ms:7.1f} ms"
            f"{row.click_to_rgb_ms:8.1f} ms{row.gflop_edit:9.2f}{row.peak_mb:6.0f} MB"
        )
    _write_rows(args.json, [asdict(row) for row in rows])


def _write_rows(path: Path | None, rows: list[dict[str, object]]) -> None:
    if path is not None:
        path.write_text(json.dumps(rows, indent=1))
