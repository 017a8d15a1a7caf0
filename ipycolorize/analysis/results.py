"""What was measured, photograph by photograph: in memory, and in a CSV that a sweep goes on from."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..files import replacing
from ..metrics import METRICS
from ..models.base import Network

PROTOCOL = 1  # of what PSNR and the other metrics are measured on; files that do not say are of the first
FIRST = ("image", "method", "weights", "reveal", "count", "patch", "size", "seed", "psnr")
VALUES = tuple(value for values in METRICS.values() for value in values)  # left empty where not measured
COLUMNS = (*FIRST, "protocol", *VALUES)

HEADING = ",".join(COLUMNS) + "\n"


class ResultsError(ValueError):
    """Results that do not belong to what is measured now, or are no results."""


@dataclass(frozen=True, order=True)
class Case:
    """What a photograph was coloured by, and from.

    Attributes:
        method: name of the network.
        reveal: one of `sweep.REVEALS`.
        count: revealed points; -1: every pixel; 0 where statistics alone are told.
    """

    method: str
    reveal: str
    count: int


@dataclass(frozen=True)
class Setting:
    """What all photographs of a sweep share.

    Attributes:
        patch: side of a revealed patch in pixels.
        size: side that photographs are squashed to.
        seed: of the random points.
    """

    patch: int
    size: int
    seed: int


@dataclass(frozen=True)
class Score:
    """One point of a curve.

    Attributes:
        method: name of the network.
        reveal: one of `sweep.REVEALS`.
        count: revealed points; -1: every pixel; 0 where statistics alone are told.
        patch: side of a revealed patch in pixels.
        images: photographs.
        psnr_mean: mean of their PSNR in dB; infinite where a result is exact.
        psnr_se: its standard error; nan for one photograph, and where a result is exact.
        others: means of the other metrics that were asked for, by the names of `VALUES`, and with "_se" their
            standard errors. Beside colourfulness, how far it is from the truth in both ways that papers have:
            "colourfulness_difference_of_means", |mean of the results - mean of the truths|, where too much
            here and too little there cancel, and "colourfulness_mean_of_differences", photograph by
            photograph, where they do not.
    """

    method: str
    reveal: str
    count: int
    patch: int
    images: int
    psnr_mean: float
    psnr_se: float
    others: dict[str, float] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """Plain values by column, the others among them."""
        row = asdict(self)
        return row | row.pop("others")


@dataclass(frozen=True)
class Results:
    """PSNR and other metrics of single photographs.

    Attributes:
        setting: that they share.
        weights: fingerprint of each method.
        psnr: in dB, by case and by the photograph's name.
        others: what else was measured, by case, by name of the value (one of `VALUES`) and by photograph.
    """

    setting: Setting
    weights: dict[str, str] = field(default_factory=dict)
    psnr: dict[Case, dict[str, float]] = field(default_factory=dict)
    others: dict[Case, dict[str, dict[str, float]]] = field(default_factory=dict)

    def add(self, case: Case, images: Iterable[str], values: Iterable[float], *, name: str = "psnr") -> None:
        """Take in the PSNR of some photographs, or another value of them."""
        places = self.psnr.setdefault(case, {}) if name == "psnr" else self._other(case, name)
        places.update(zip(images, values, strict=True))

    def _other(self, case: Case, name: str) -> dict[str, float]:
        return self.others.setdefault(case, {}).setdefault(name, {})

    def merge(self, other: Results) -> None:
        """Take in all that another has.

        Raises:
            ResultsError: measured with another setting, or with other weights of the same name.
        """
        if self.setting != other.setting:
            raise ResultsError(f"expected results of {self.setting}, got {other.setting}")
        for method, weights in other.weights.items():
            if self.weights.setdefault(method, weights) != weights:
                raise ResultsError(
                    f"expected results of one {method}, got results of two that have different weights; use "
                    "another folder, or give the other weights another name"
                )
        for case, values in other.psnr.items():
            self.psnr.setdefault(case, {}).update(values)
        for case, named in other.others.items():
            for name, values in named.items():
                self._other(case, name).update(values)

    def has(self, case: Case, images: Iterable[str], metrics: Collection[str] = ()) -> bool:
        """Whether all these photographs are measured, by these `METRICS` too."""
        known = [self.psnr.get(case, {})]
        known += [self.others.get(case, {}).get(value, {}) for name in metrics for value in METRICS[name]]
        return all(image in values for image in images for values in known)

    def of(self, case: Case, images: Sequence[str]) -> np.ndarray:
        """PSNR of these photographs, float64 in dB."""
        known = self.psnr[case]
        return np.array([known[name] for name in images])

    def only(
        self, cases: Iterable[Case], images: Iterable[str], metrics: Collection[str] = METRICS
    ) -> Results:
        """These cases of these photographs alone, and of the other metrics these."""
        wanted, values = set(images), {value for name in metrics for value in METRICS[name]}
        cases = list(cases)

        def part(known: dict[str, float]) -> dict[str, float]:
            return {name: value for name, value in known.items() if name in wanted}

        psnr = {case: part(self.psnr.get(case, {})) for case in cases}
        others = {
            case: {value: part(known) for value, known in self.others[case].items() if value in values}
            for case in cases
            if not values.isdisjoint(self.others.get(case, {}))
        }
        methods = {case.method for case in psnr}
        weights = {method: value for method, value in self.weights.items() if method in methods}
        return Results(self.setting, weights, psnr, others)

    def scores(self) -> list[Score]:
        """Mean and standard error of every case."""
        return [self._score(case) for case in self.psnr]

    def _score(self, case: Case) -> Score:
        known = self.psnr[case]
        mean, error = mean_and_error(self.of(case, sorted(known)))  # sorted: sums depend on the order
        patch = self.setting.patch
        return Score(
            **asdict(case), patch=patch, images=len(known), psnr_mean=round(mean, 4), psnr_se=round(error, 4),
            others=self._means(case),
        )  # fmt: skip

    def _means(self, case: Case) -> dict[str, float]:
        named = self.others.get(case, {})
        found: dict[str, float] = {}
        for name in VALUES:
            if name in named:
                values = np.array([named[name][image] for image in sorted(named[name])])
                found[name], found[f"{name}_se"] = (round(value, 4) for value in mean_and_error(values))
        ours, true = named.get("colourfulness", {}), named.get("colourfulness_truth", {})
        both = sorted(ours.keys() & true.keys())
        if both:
            gaps = np.array([ours[image] - true[image] for image in both])
            found["colourfulness_difference_of_means"] = round(abs(float(gaps.mean())), 4)
            found["colourfulness_mean_of_differences"] = round(float(np.abs(gaps).mean()), 4)
        return found

    def rows(self) -> Iterator[dict[str, Any]]:
        """A row for each photograph and case, by the names of `COLUMNS`, in a fixed order."""
        shared = {**asdict(self.setting), "protocol": PROTOCOL}
        for case in sorted(self.psnr):
            named = self.others.get(case, {})
            for image, value in sorted(self.psnr[case].items()):
                others = {name: known[image] for name, known in named.items() if image in known}
                weights = self.weights[case.method]
                yield {"image": image, "weights": weights, **asdict(case), **shared, "psnr": value, **others}


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Mean and its standard error; an infinite mean where a value is infinite, then nan for the error."""
    mean = float(values.mean())
    if len(values) < 2 or math.isinf(mean):
        return mean, math.nan
    return mean, float(values.std(ddof=1)) / math.sqrt(len(values))


def fingerprint(network: Network) -> str:
    """12 hex digits that change with a network's weights and constructor arguments."""
    digest = hashlib.sha256(f"{type(network).__name__} {network.config}".encode())
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()[:12]


class ResultsFile:
    """A CSV of `COLUMNS` that grows by whole lines while a sweep runs.

    Process 0 writes the file itself, process n a part beside it. At the end `finish` makes one sorted file of
    all. A line that was torn by an interruption is dropped.

    Args:
        path: of the file; its folder is made.
        setting: of the sweep.
        index: of the process.
    """

    def __init__(self, path: Path, setting: Setting, *, index: int = 0) -> None:
        self.path, self.setting = path, setting
        self._part = path if index == 0 else path.with_name(f"{path.stem}-part{index}{path.suffix}")
        path.parent.mkdir(parents=True, exist_ok=True)

    def read(self) -> Results:
        """All that was measured before, by however many processes.

        Raises:
            ResultsError: something else than results, or results of another setting or of several weights.
            OSError: a file cannot be read.
        """
        found = Results(self.setting)
        for part in [self.path, *self._parts()]:
            if part.exists():
                for row in _whole_lines(part):
                    try:
                        found.merge(self._result(row))
                    except ResultsError as error:
                        raise ResultsError(f"{part}: {error}") from error
        return found

    def _parts(self) -> list[Path]:
        return sorted(self.path.parent.glob(f"{self.path.stem}-part*{self.path.suffix}"))

    def _result(self, row: dict[str, str]) -> Results:
        try:
            setting = Setting(int(row["patch"]), int(row["size"]), int(row["seed"]))
            case = Case(row["method"], row["reveal"], int(row["count"]))
            psnr = {case: {row["image"]: float(row["psnr"])}}
            named = {name: {row["image"]: float(row[name])} for name in VALUES if row.get(name)}
            protocol = int(row.get("protocol") or 1)
        except (TypeError, ValueError) as error:
            raise ResultsError(f"expected whole rows of results, got {row}; take the file away") from error
        if setting != self.setting:
            here, there = (
                f"patch {one.patch}, size {one.size} and seed {one.seed}" for one in (self.setting, setting)
            )
            raise ResultsError(f"expected results of {here}, got {there}; use another folder for them")
        if protocol != PROTOCOL:
            raise ResultsError(
                f"expected results of protocol {PROTOCOL}, got {protocol}; use another folder for them"
            )
        return Results(setting, {case.method: row["weights"]}, psnr, {case: named} if named else {})

    def append(self, results: Results) -> None:
        """Write results at the end and make sure that they arrive there.

        A file with the columns of an older version gets those of this one first.

        Raises:
            OSError: the file cannot be written.
        """
        if self._part.exists() and not HEADING.startswith(_first_line(self._part)):
            self._write(self._part, list(_whole_lines(self._part)))
        text = io.StringIO()
        csv.DictWriter(text, COLUMNS, lineterminator="\n").writerows(results.rows())
        with self._part.open("ab+") as file:
            whole = _length_of_whole_lines(file)
            file.truncate(whole)
            file.write((("" if whole else HEADING) + text.getvalue()).encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())

    def finish(self, results: Results) -> None:
        """Write one sorted file of everything and take the parts away; for the main process.

        Raises:
            OSError: the file cannot be written.
        """
        self._write(self.path, results.rows())
        for path in self._parts():
            path.unlink()

    def _write(self, path: Path, rows: Iterable[dict[str, Any]]) -> None:
        with (
            replacing(path) as part,
            part.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
        ):
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def read_results(path: Path) -> Results:
    """Results that a sweep kept, to look at them again.

    Raises:
        ResultsError: something else than results, or none.
        OSError: the file cannot be read.
    """
    row = next(_whole_lines(path), {})
    try:
        setting = Setting(*(int(row[name]) for name in ("patch", "size", "seed")))
    except (KeyError, TypeError, ValueError) as error:
        raise ResultsError(f"expected results of a sweep, got none in {path}") from error
    return ResultsFile(path, setting).read()


def _length_of_whole_lines(file: Any) -> int:
    """Bytes up to the last line's end; searched backwards, for the file may be large."""
    end = file.seek(0, io.SEEK_END)
    while end > 0:
        start = max(0, end - 4096)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _first_line(path: Path) -> str:
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return file.readline()


def _whole_lines(path: Path) -> Iterator[dict[str, str]]:
    """Rows of a file of results, without a last line that has no end.

    Its heading is the present one, or that of a version with fewer columns.
    """
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        first = file.readline()
        columns = tuple(first.rstrip("\n").split(","))
        older = first.endswith("\n") and columns[: len(FIRST)] == FIRST and set(columns) <= set(COLUMNS)
        if not (older or HEADING.startswith(first)):
            raise ResultsError(
                f"expected a table of {','.join(FIRST)}, ..., got {first.strip()[:80]!r} in {path}; use "
                "another folder, or take it away"
            )
        yield from csv.DictReader((line for line in file if line.endswith("\n")), columns)
