"""`ipycolorize weights`: what there is, whether it is sound, and weights of one's own under a name."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .exits import DONE, REFUSED
from .progress import waiting

EXAMPLES = """examples:
  ipycolorize weights list
  ipycolorize weights verify
  ipycolorize weights import runs/mine/average.safetensors --name mine
  ipycolorize weights import siggraph17-df00044c.pth

What is imported is a name for --model, and in Python: Colorizer(photo, network="mine").
It lies in the system's folder for a person's data, or in IPYCOLORIZE_WEIGHTS."""


def add_arguments(commands: Any) -> None:
    """The command's own arguments."""
    weights = commands.add_parser(
        "weights",
        help="list, verify or import weights",
        description="Which weights there are; whether they are as they were; other weights, under a name.",
        epilog=EXAMPLES,
    )
    actions = weights.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="shipped and imported weights")
    verify = actions.add_parser(
        "verify", help="compare with their sha256 and load them; exit code 1 if one fails"
    )
    verify.add_argument(
        "names", nargs="*", metavar="NAME", help="of weights, or files (default: all there are)"
    )
    take = actions.add_parser("import", help="keep a weights file under a name")
    take.add_argument("file", type=Path, help=".safetensors of ipycolorize, or a published .pth")
    for action in actions.choices.values():  # as the command itself
        action.add_argument("-q", "--quiet", action="store_true", default=argparse.SUPPRESS)
    take.add_argument("--name", help="to call it by (default: as the file is called)")


def run_weights(args: argparse.Namespace) -> int:
    """List, verify or import."""
    if args.action == "list":
        return _list()
    if args.action == "verify":
        return _verify(args)
    from ..models.imports import import_weights

    with waiting(f"reading {args.file}", quiet=args.quiet):
        path = import_weights(args.file, args.name)
    if not args.quiet:
        print(f"{path}: --model {path.stem}")
    return DONE


def _list() -> int:
    from ..models.weights import list_models, list_own, own_weights_folder, weights_folder

    print(f"{'name':20}{'network':13}{'size':>9}  {'PSNR, 0 / 10 points':21}description")
    for card in list_models():
        psnr = dict(card.psnr)
        curve = f"{psnr[0]:.2f} / {psnr[10]:.2f} dB" if {0, 10} <= {*psnr} else ""
        size = _size(weights_folder() / card.file)
        print(f"{card.name:20}{card.network:13}{size:>9}  {curve:21}{card.description}")
    for name in list_own():
        print(f"{name:20}{'':13}{_size(own_weights_folder() / f'{name}.safetensors'):>9}  {'':21}imported")
    return DONE


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB" if path.is_file() else "missing"


def _verify(args: argparse.Namespace) -> int:
    from ..models.imports import examine
    from ..models.weights import REGISTRY, WeightsError, digest_of, list_own, load_model

    code = DONE
    for name in args.names or [*REGISTRY, *list_own()]:
        with waiting(f"verifying {name}", quiet=args.quiet):
            if name in REGISTRY or name in list_own():
                wrong = examine(name)
            else:  # a file: nothing to compare it with, but it must load
                try:
                    load_model(name)
                    wrong = ""
                except WeightsError as error:
                    wrong = str(error)
            digest = digest_of(name) if not wrong else ""
        if wrong:
            code = REFUSED
        if wrong or not args.quiet:
            print(f"{name:20}{wrong or f'sound, sha256 {digest}'}")
    return code
