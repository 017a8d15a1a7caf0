"""What an experiment gives: a tidy table and a figure, in memory and as files."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ..files import check_free, replacing
from .plots import save_figure

Row = dict[str, Any]


@dataclass(frozen=True)
class Report:
    """An experiment's result.

    Attributes:
        name: of its files: "table1", "figure6".
        rows: the table, one dictionary of plain values a row, all with the same keys.
        figure: fit to publish.
        note: what a reader must know to judge it, in Markdown: photographs, networks, what was left out.
    """

    name: str
    rows: Sequence[Row]
    figure: Figure
    note: str = ""

    def table(self) -> Any:
        """The rows as a pandas DataFrame where pandas is installed, else as they are."""
        return table(self.rows)

    def write(self, folder: Path, *, overwrite: bool = False) -> list[Path]:
        """Write NAME.csv, NAME.md, NAME.png and NAME.pdf; each file whole or not at all.

        Raises:
            FileExistsError: one of them is there, and `overwrite` is false; nothing is written then.
            OSError: they cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        paths = report_files(self.name, folder)
        check_free(*paths, overwrite=overwrite)
        data, text, *pictures = paths
        write_csv(self.rows, data, overwrite=overwrite)
        with replacing(text, overwrite=overwrite) as part:
            part.write_text(f"{markdown(self.rows)}\n\n{self.note}".rstrip() + "\n", encoding="utf-8")
        for picture in pictures:
            save_figure(self.figure, picture, overwrite=overwrite)
        return paths


def report_files(name: str, folder: Path) -> list[Path]:
    """What `Report.write` writes."""
    return [folder / f"{name}{suffix}" for suffix in (".csv", ".md", ".png", ".pdf")]


def table(rows: Sequence[Row]) -> Any:
    """Rows as a pandas DataFrame where pandas is installed, else as they are."""
    try:
        from pandas import DataFrame
    except ImportError:
        return list(rows)
    return DataFrame(rows)


def write_csv(rows: Sequence[Row], path: Path, *, overwrite: bool = False) -> None:
    """Write rows as CSV with a heading; None and nan are left empty.

    Raises:
        FileExistsError: a file is there, and `overwrite` is false.
        OSError: the file cannot be written.
    """
    with replacing(path, overwrite=overwrite) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(
            {key: "" if _missing(value) else value for key, value in row.items()} for row in rows
        )


def markdown(rows: Sequence[Row]) -> str:
    """Rows as a Markdown table; floats with two decimals."""
    if not rows:
        return ""
    lines = [
        list(rows[0]),
        ["---"] * len(rows[0]),
        *([_shown(value) for value in row.values()] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _shown(value: Any) -> str:
    if _missing(value):
        return ""
    if isinstance(value, float):
        return "∞" if math.isinf(value) else f"{value:.2f}"
    return str(value)
