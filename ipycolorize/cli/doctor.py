"""`ipycolorize doctor`: what is installed, whether it fits together, and whether an edit works here."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from . import checks, frontends
from .checks import Check
from .exits import DONE, REFUSED
from .progress import waiting

EXAMPLES = """examples:
  ipycolorize doctor
  ipycolorize doctor --json > report.json
In a notebook: !ipycolorize doctor

Exit code 0: everything that is needed is there; 1: something is not, and the report says what mends it."""

CHECKS: dict[str, Callable[[], Sequence[Check]]] = {
    "program": checks.program,
    "libraries": checks.libraries,
    "front end": frontends.here,
    "running servers": frontends.running,
    "processor": checks.processor,
    "weights": checks.weights,
    "folders": checks.folders,
    "self-test": checks.edit,
}
MARKS = {"ok": "ok  ", "note": "note", "bad": "BAD "}


def add_arguments(commands: Any) -> None:
    """The command's own arguments."""
    doctor = commands.add_parser(
        "doctor",
        help="is everything there that the pad needs?",
        description="Versions, front-end extensions here and in running Jupyter servers, processor, weights, "
        "folders, and one edit of a sample photograph.",
        epilog=EXAMPLES,
    )
    doctor.add_argument("--json", action="store_true", help="write the report as JSON to stdout")


def run_doctor(args: argparse.Namespace) -> int:
    """Examine, print, and say by the exit code whether all is well."""
    found: list[Check] = []
    for title, check in CHECKS.items():
        with waiting(f"examining: {title}", quiet=args.quiet):
            results = examine(title, check)
        found += results
        if not args.json:
            _print(results, quiet=args.quiet)
    bad = [check for check in found if check.status == "bad"]
    if args.json:
        json.dump({"sound": not bad, "checks": [asdict(check) for check in found]}, sys.stdout, indent=1)
        print()
    elif not args.quiet:
        print("all is well" if not bad else f"{len(bad)} of {len(found)} are not as they should be")
    return REFUSED if bad else DONE


def examine(title: str, check: Callable[[], Sequence[Check]]) -> Sequence[Check]:
    """What a check finds; one that fails itself is a finding, since a broken library can raise anything."""
    try:
        return check()
    except Exception as error:
        remedy = "pip install --force-reinstall ipycolorize, or report this"
        return [Check(title, "bad", f"{type(error).__name__}: {error}", remedy)]


def _print(results: Sequence[Check], *, quiet: bool) -> None:
    for check in results:
        if check.status == "bad" or not quiet:
            print(f"{MARKS[check.status]}  {check.name:24} {check.found}", flush=True)
            if check.remedy:
                print(f"{'':6}{'':24}-> {check.remedy}", flush=True)
