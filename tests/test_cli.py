"""The command line as a person meets it: real commands on real files."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from ipycolorize.analysis.bench import Case, measure
from ipycolorize.cli import main, point
from ipycolorize.color import rgb_to_lab
from ipycolorize.image import read_photo
from ipycolorize.launch import write_notebook
from ipycolorize.models import list_models


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "flower.jpg"
    Image.fromarray(load_sample_image("flower.jpg")).resize((320, 214)).save(path, quality=95)
    return path


def test_colorize_writes_a_picture_that_follows_the_points(
    photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, hinted = photo.with_name("plain.png"), photo.with_name("hinted.png")
    assert main(["colorize", str(photo), "-o", str(plain)]) == 0
    assert main(["colorize", str(photo), "-o", str(hinted), "--point", "100,150,#2040d0,9"]) == 0
    assert "320 x 214, 1 hints, live on" in capsys.readouterr().out
    first, second = (rgb_to_lab(read_photo(path).rgb) for path in (plain, hinted))
    assert second[100, 150, 2] < first[100, 150, 2] - 20  # bluer where the point is
    assert np.abs(second[..., 0] - first[..., 0]).mean() < 0.5  # lightness stays


def test_colorize_takes_saved_hints(photo: Path) -> None:
    hints = photo.with_suffix(".json")
    data = {"row": 100, "col": 150, "ab": [20, -60], "size": 9}
    hints.write_text(
        json.dumps({"format": "ipycolorize-hints", "version": 1, "shape": [214, 320], "hints": [data]})
    )
    out = photo.with_name("out.jpg")
    assert main(["colorize", str(photo), "-o", str(out), "--hints", str(hints)]) == 0
    with Image.open(out) as picture:
        assert picture.size == (320, 214)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["missing.jpg", "-o", "x.png"], "there is no missing.jpg"),
        (["{photo}", "-o", "x.gif"], "ending in .png"),
        (["{photo}", "-o", "no/such/folder/x.png"], "no/such/folder"),
        (["{photo}", "-o", "x.png", "--model", "nobody"], "nobody"),
        (["{photo}", "-o", "x.png", "--model", "{photo}"], "flower.jpg"),
        (["{photo}", "-o", "x.png", "--point", "999,0,#fff"], "row 0..213"),
        (["{photo}", "-o", "x.png", "--hints", "{photo}"], "not JSON"),
        (["{photo}", "-o", "x.png", "--hints", "none.json"], "none.json"),
    ],
)
def test_colorize_says_what_is_wrong(
    arguments: list[str],
    expected: str,
    photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(photo.parent)
    assert main(["colorize", *(part.format(photo=photo) for part in arguments)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("ipycolorize: ")
    assert expected in error
    assert not Path("x.png").exists()


@pytest.mark.parametrize("text", ["1,2", "a,2,#fff", "1,2,blue", "1,2,#fff,big"])
def test_point_that_cannot_be_read_is_a_usage_error(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["colorize", "p.jpg", "-o", "o.png", "--point", text])
    assert stop.value.code == 2
    assert "ROW,COL,#RRGGBB[,SIZE]" in capsys.readouterr().err


def test_point_reads_all_parts() -> None:
    assert point("1,2,#ff0080") == (1, 2, (255, 0, 128), None)
    assert point("1,2,f08,7") == (1, 2, (255, 0, 136), 7)


def test_lab_notebook_is_ready_and_never_overwritten(photo: Path) -> None:
    path = write_notebook(photo, photo.parent)
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert "Colorizer('flower.jpg')" in notebook.cells[1].source
    mine = path.read_text().replace("# Colorize a photograph", "# My grandmother")
    path.write_text(mine)
    assert write_notebook(photo, photo.parent) == path
    assert path.read_text() == mine


def test_photographs_of_one_name_get_notebooks_of_their_own(photo: Path) -> None:
    other = photo.parent / "elsewhere" / "flower.jpg"
    other.parent.mkdir()
    other.write_bytes(photo.read_bytes())
    paths = [write_notebook(one, photo.parent).name for one in (photo, other, photo, other)]
    assert paths == ["colorize-flower.ipynb", "colorize-flower-2.ipynb"] * 2


def test_lab_keeps_what_follows_the_dashes_for_jupyter(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr("ipycolorize.launch.launch_lab", lambda *given: seen.append(given) or 0)
    assert main(["lab", str(photo), "--", "--port", "9000"]) == 0
    assert seen == [(photo, ["--port", "9000"])]
    with pytest.raises(SystemExit):
        main(["lab", str(photo), "--port", "9000"])


def test_lab_refuses_what_is_no_photograph(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "text.jpg"
    text.write_text("not a picture")
    assert main(["lab", str(text)]) == 1
    assert "text.jpg" in capsys.readouterr().err


def test_train_then_evaluate_then_colorize(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "one.jpg").write_bytes(photo.read_bytes())
    train = [
        "train",
        str(folder),
        "-o",
        str(out),
        "--network",
        "siggraph17",
        "--width",
        "4",
        "--minutes",
        "0.02",
    ]
    assert main([*train, "--batch", "2", "--crop", "32", "--validate", str(folder)]) == 0
    weights = out / "average.safetensors"
    rows = tmp_path / "rows.json"
    evaluate = ["evaluate", str(folder), "--methods", f"{weights},gray", "--counts", "0,5", "--size", "64"]
    assert main([*evaluate, "--json", str(rows)]) == 0
    table = json.loads(rows.read_text())
    assert [(row["method"], row["count"]) for row in table] == [
        (str(weights), 0), (str(weights), 5), ("gray", 0), ("gray", 5),
    ]  # fmt: skip
    assert table[2]["psnr_mean"] == table[3]["psnr_mean"]
    assert main(["colorize", str(photo), "-o", str(tmp_path / "c.png"), "--model", str(weights)]) == 0


def test_bench_measures_an_edit() -> None:
    source = list_models()[0].name
    row = measure(Case(source, points=3, dtype="float32", device="cpu"), repeats=1)
    assert row.parameters > 1e6
    assert 0 < row.edit_ms < row.encode_ms  # hints are cheap because the photograph is encoded once
    assert row.gflop_edit > 0.1
    assert row.peak_mb > 100


def test_help_loads_no_torch() -> None:
    code = "import sys; from ipycolorize.cli import parser; parser(); print('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "False\n"
    )
