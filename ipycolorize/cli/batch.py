"""`ipycolorize batch`: a folder of photographs to a folder of pictures; what was interrupted goes on.

Pictures are written here and by nobody else (see `workers`), each once and under a name that is free.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from ..arguments import add_coloring, natural
from ..errors import RequestError
from ..locks import claimed
from .exits import DONE, MISTAKE, REFUSED
from .ledger import Ledger
from .recipe import Recipe, check_network
from .workers import Outcome, Task, processors, share_out_here

FORMATS = ("png", "jpg", "tif")
GB_OF_A_PROCESS = 1.5  # at the largest photographs
EXAMPLES = """examples:
  ipycolorize batch scans -o coloured
  ipycolorize batch scans -o coloured --histogram-of reference.jpg --format jpg
  ipycolorize batch scans -o coloured --hints points --processes 4
  ipycolorize batch scans -o coloured --scheduler tcp://10.0.0.1:8786"""


def add_arguments(commands: Any) -> None:
    """The command's own arguments."""
    batch = commands.add_parser(
        "batch",
        help="colorize a folder of photographs",
        description="Colorize every photograph in a folder and its subfolders. A picture that is there "
        "already is never written again: the same command goes on where it was stopped.",
        epilog=EXAMPLES,
    )
    batch.add_argument("folder", type=Path, metavar="FOLDER", help="of photographs")
    batch.add_argument("-o", "--out", type=Path, required=True, metavar="FOLDER", help="for the pictures")
    batch.add_argument("--format", choices=FORMATS, default="png", help="of the pictures (default png)")
    add_coloring(
        batch, hints="hints saved by a pad (JSON), or a folder of such: NAME_hints.json for NAME.jpg"
    )
    where = batch.add_mutually_exclusive_group()
    where.add_argument(
        "--processes", type=natural, metavar="N",
        help="that work on this machine (default: as many as it has processors and memory for)",
    )  # fmt: skip
    where.add_argument(
        "--scheduler", metavar="ADDRESS",
        help="of a Dask cluster whose workers have ipycolorize, such as tcp://10.0.0.1:8786",
    )  # fmt: skip


def run_batch(args: argparse.Namespace) -> int:
    """Colorize a folder and print what could not be; returns the exit code."""
    if not args.folder.is_dir():
        raise RequestError(
            f"expected a folder of photographs, got {args.folder}: use colorize for a single one"
        )
    out: Path = args.out
    if out.exists() and (not out.is_dir() or out.samefile(args.folder)):
        raise RequestError(f"expected another folder for the pictures than {out}: choose one of their own")
    recipe = Recipe.of(args)
    _check(recipe, args.hints)
    photos = [*find_photographs(args.folder, apart_from=out)]
    if not photos:
        from ..corpus import SUFFIXES

        raise RequestError(f"expected photographs in {args.folder} ({', '.join(sorted(SUFFIXES))}), got none")
    out.mkdir(parents=True, exist_ok=True)
    with claimed(out, work="batch"):
        return _follow(recipe, photos, args)


def _follow(recipe: Recipe, photos: list[Path], args: argparse.Namespace) -> int:
    """Colorize these photographs, in a folder that nobody else writes to; returns the exit code."""
    out: Path = args.out
    names = [photo.relative_to(args.folder).as_posix() for photo in photos]
    ledger = Ledger(out, args.folder, recipe.fingerprint(), names, f".{args.format}")
    tasks, lacking = [], []
    for name, photo in zip(names, photos, strict=True):
        hints = _hints_of(photo, args.folder, args.hints)
        if args.hints is not None and hints is None:
            lacking.append(name)
        if not ledger.has(name, hints):
            tasks.append(Task(name, photo, hints, recipe, ledger.suffix))
    failed: dict[str, Outcome] = {}
    try:
        _color(tasks, ledger, args, failed)
    except BaseException:
        _report(failed)
        print(f"{ledger.made} of {len(tasks)} done; the same command goes on from there", file=sys.stderr)
        raise
    if not args.quiet:
        before = len(photos) - len(tasks)
        words = [f"{ledger.made} pictures in {out}", *([f"{before} were there already"] if before else [])]
        print(", ".join(words))
        if lacking:
            print(f"without saved hints in {args.hints}: {_some(lacking)}")
    _report(failed)
    if any(outcome.mistake for outcome in failed.values()):
        return MISTAKE
    return REFUSED if failed else DONE


def _color(tasks: list[Task], ledger: Ledger, args: argparse.Namespace, failed: dict[str, Outcome]) -> None:
    """Share the photographs out and write what comes back; those that failed are added to `failed`."""
    from tqdm import tqdm

    if not tasks:
        return
    if args.scheduler:
        from .cluster import share_out_on

        made = share_out_on(args.scheduler, tasks)
    else:
        made = share_out_here(tasks, args.processes or _processes(tasks[0].recipe.device))
    bar = tqdm(total=len(tasks), desc="colorizing", unit=" photos", disable=args.quiet)
    with bar, closing(made):
        for task, outcome in made:
            if outcome.picture is None:
                failed[task.name] = outcome
                bar.set_postfix(failed=len(failed))
            else:
                ledger.enter(task.name, task.hints, outcome.picture)
            bar.update()


def _report(failed: dict[str, Outcome]) -> None:
    """List what could not be coloured, and why; tracebacks of the program's own mistakes come last."""
    if not failed:
        return
    print(f"{len(failed)} failed:", file=sys.stderr)
    for name, outcome in sorted(failed.items(), key=lambda item: item[1].mistake):
        print(f"  {name}: {outcome.error}", file=sys.stderr)


def _some(names: list[str], most: int = 5) -> str:
    """The first names, and how many more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _processes(device: str) -> int:
    """As many as there are processors and memory; an accelerator serves one."""
    from ..models.device import pick_device
    from ..training.data import free_memory

    if pick_device(device).type != "cpu":
        return 1
    return max(1, min(processors(), int(free_memory() / GB_OF_A_PROCESS)))


def _check(recipe: Recipe, hints: Path | None) -> None:
    """Refuse before the first photograph what every photograph would be refused for."""
    from ..hints import parse_json
    from ..models.weights import load_model
    from ..mood import MoodError

    if hints is not None and not hints.exists():
        raise RequestError(f"expected a file of hints or a folder of such, but there is no {hints}")
    if hints is not None and hints.is_file():
        parse_json(hints.read_bytes())
    network = load_model(recipe.model, device=recipe.device)
    check_network(network, recipe.model, points=bool(recipe.points or hints))
    mood = recipe.reference is not None or recipe.saturation is not None
    if mood and not network.reads_global_hints:
        raise MoodError(
            f"expected a network that reads a histogram and a saturation, got {recipe.model}: use live"
        )
    if recipe.strength is not None and not mood and hints is None:
        raise RequestError(
            "expected something that --strength is the strength of: --histogram-of, --saturation, or --hints "
            "with a mood"
        )


def find_photographs(folder: Path, *, apart_from: Path) -> Iterator[Path]:
    """Photographs in a folder and below it, in order; none that is hidden, and none below another folder."""
    from ..corpus import SUFFIXES

    other = apart_from.resolve()
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        if other not in path.resolve().parents:
            yield path


def _hints_of(photo: Path, folder: Path, hints: Path | None) -> bytes | None:
    """The saved hints of a photograph: one file for all, or one for each as the pad names them."""
    if hints is None:
        return None
    if hints.is_dir():
        below = photo.relative_to(folder).parent
        names = [hints / below / f"{photo.stem}_hints.json", hints / f"{photo.stem}_hints.json"]
        found = next((path for path in names if path.is_file()), None)
        return None if found is None else found.read_bytes()
    return hints.read_bytes()
