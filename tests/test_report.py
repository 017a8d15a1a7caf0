"""An experiment's table and figure as files; pictures side by side."""

import csv
import math
import sys

import numpy as np
import pandas
import pytest
from matplotlib.figure import Figure
from PIL import Image

from ipycolorize.analysis.panels import Mark, Panel, draw_panels
from ipycolorize.analysis.report import Report, markdown, table, write_csv

ROWS = [
    {"method": "live", "psnr": 31.256, "se": math.nan, "images": 3},
    {"method": "levin", "psnr": math.inf, "se": 0.0, "images": 3},
]


def test_a_report_becomes_four_files(tmp_path) -> None:
    figure = draw_panels([[Panel(np.zeros((8, 8, 3), np.uint8))]])
    paths = Report("figure0", ROWS, figure, "Three photographs.").write(tmp_path / "new" / "folder")
    assert [path.name for path in paths] == ["figure0.csv", "figure0.md", "figure0.png", "figure0.pdf"]
    with paths[0].open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [row["method"] for row in read] == ["live", "levin"]
    assert float(read[0]["psnr"]) == 31.256 and read[0]["se"] == "" and read[1]["psnr"] == "inf"
    assert paths[1].read_text().splitlines() == [
        "| method | psnr | se | images |",
        "| --- | --- | --- | --- |",
        "| live | 31.26 |  | 3 |",
        "| levin | ∞ | 0.00 | 3 |",
        "",
        "Three photographs.",
    ]
    with Image.open(paths[2]) as picture:
        assert picture.info["dpi"][0] == pytest.approx(300, abs=1)
    assert paths[3].read_bytes().startswith(b"%PDF")


def test_an_empty_table_is_empty(tmp_path) -> None:
    assert markdown([]) == ""
    write_csv([], tmp_path / "none.csv")
    assert (tmp_path / "none.csv").read_text().strip() == ""


def test_a_table_is_plain_without_pandas(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert table(ROWS) == ROWS


def test_a_table_is_a_frame_with_pandas() -> None:
    frame = table(ROWS)
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == list(ROWS[0]) and len(frame) == 2


def pixels(figure: Figure) -> np.ndarray:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


def test_pictures_stand_where_they_belong_and_points_on_them() -> None:
    red, green = np.zeros((2, 21, 31, 3), np.uint8)
    red[..., 0] = green[..., 1] = 200
    mark = Mark(row=10, col=15, rgb=(0, 0, 255), size=6)
    figure = draw_panels(
        [[Panel(red, "red", (mark,)), Panel(green)], [None, Panel(red)]], names=["first", "second"]
    )
    seen = pixels(figure)
    is_red = (abs(seen - [200, 0, 0]) < 30).all(-1)
    is_green = (abs(seen - [0, 200, 0]) < 30).all(-1)
    is_blue = (abs(seen - [0, 0, 255]) < 30).all(-1)
    (top, left), (bottom, right) = np.argwhere(is_green).min(0), np.argwhere(is_green).max(0)
    area = (bottom - top) * (right - left)
    assert is_green.sum() > 0.9 * area
    assert is_red[: bottom + 2, :left].sum() > 0.9 * area  # beside it, but for the point
    assert is_red[bottom + 2 :, left - 1 :].sum() > 0.9 * area  # below it
    assert is_red[bottom + 2 :, : left - 1].sum() == 0  # None leaves its place free
    assert is_blue.sum() > 20
    first = np.argwhere(is_red[: bottom + 2, :left])
    assert np.allclose(np.argwhere(is_blue).mean(0), (first.min(0) + first.max(0)) / 2, atol=2)  # its middle


def test_nothing_to_draw_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one picture"):
        draw_panels([])
    with pytest.raises(ValueError, match="expected 1 names"):
        draw_panels([[Panel(np.zeros((4, 4, 3), np.uint8))]], names=["a", "b"])
