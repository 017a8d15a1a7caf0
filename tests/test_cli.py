"""The command line as a person meets it: real commands on real files."""

import csv
import json
import math
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image

from ipycolorize.analysis.bench import Case, cases, measure
from ipycolorize.arguments import parse, point
from ipycolorize.cli import main
from ipycolorize.cli.run import _train_config
from ipycolorize.color import rgb_to_lab
from ipycolorize.image import read_photo
from ipycolorize.launch import write_notebook
from ipycolorize.models import list_models, load_model
from ipycolorize.models.siggraph17 import SIGGRAPH17
from ipycolorize.models.weights import save_model
from ipycolorize.mood import USUAL_VIVIDNESS, Mood
from ipycolorize.session import Session
from ipycolorize.training.config import AUTOMATIC_FIRST, Phase, TrainConfig


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
    assert "320 x 214, 1 hints, vividness 0.30, live on" in capsys.readouterr().out
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


@pytest.fixture
def reference(photo: Path) -> Path:
    """Another photograph, of other colours."""
    path = photo.with_name("china.png")
    Image.fromarray(load_sample_image("china.jpg")[..., ::-1]).resize((160, 107)).save(path)
    return path


@pytest.fixture(scope="module")
def local_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a network that reads points only."""
    path = tmp_path_factory.mktemp("local") / "local.safetensors"
    save_model(path, SIGGRAPH17(width=1))
    return path


def test_colorize_asks_for_a_mood_beside_points(
    photo: Path, reference: Path, tiny_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, point = photo.with_name("out.png"), ["--point", "100,150,#2040d0,9"]
    asked = ["colorize", str(photo), "-o", str(out), "--model", str(tiny_path), *point]
    mood = ["--histogram-of", str(reference), "--saturation", "0.3", "--strength", "0.8"]
    assert main([*asked, *mood]) == 0
    words = "320 x 214, 1 hints, histogram of china, saturation 0.30, strength 0.80, vividness 0.30, tiny on"
    assert words in capsys.readouterr().out
    session = Session(photo, tiny_path)
    session.add(100, 150, ab=session.ab_of((0x20, 0x40, 0xD0)), size=9)
    histogram = session.mood_of(reference).histogram
    session.set_mood(Mood(histogram, saturation=0.3, strength=0.8, vividness=USUAL_VIVIDNESS))
    np.testing.assert_array_equal(read_photo(out).rgb, session.rgb())
    assert main([*asked, "--force"]) == 0
    assert "320 x 214, 1 hints, vividness 0.30, tiny on" in capsys.readouterr().out
    session.set_mood(Mood(vividness=USUAL_VIVIDNESS))
    np.testing.assert_array_equal(read_photo(out).rgb, session.rgb())


def test_colorize_takes_no_saturation_from_the_reference(
    photo: Path, reference: Path, tiny_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = photo.with_name("out.png")
    asked = ["colorize", str(photo), "-o", str(out), "--model", str(tiny_path)]
    assert main([*asked, "--histogram-of", str(reference)]) == 0
    assert "0 hints, histogram of china, vividness 0.30, tiny on" in capsys.readouterr().out
    session = Session(photo, tiny_path)
    session.set_mood(Mood(session.mood_of(reference).histogram, vividness=USUAL_VIVIDNESS))
    np.testing.assert_array_equal(read_photo(out).rgb, session.rgb())


def test_colorize_keeps_of_a_saved_mood_what_it_does_not_name(
    photo: Path, reference: Path, tiny_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = Session(photo, tiny_path)
    saved = session.mood_of(photo)
    session.set_mood(Mood(saved.histogram, saturation=0.5, source="flower"))
    session.save(photo.with_name("hints.json"))
    asked = ["colorize", str(photo), "-o", str(photo.with_name("out.png")), "--model", str(tiny_path)]
    asked += ["--hints", str(photo.with_name("hints.json"))]
    for flags, words in (
        ([], "0 hints, histogram of flower, saturation 0.50, tiny"),
        (["--saturation", "0.2"], "0 hints, histogram of flower, saturation 0.20, tiny"),
        (["--histogram-of", str(reference)], "0 hints, histogram of china, saturation 0.50, tiny"),
        (["--strength", "0"], "0 hints, histogram of flower, saturation 0.50, strength 0.00, tiny"),
    ):
        assert main([*asked, *flags, "--force"]) == 0
        assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--histogram-of", "none.jpg"], "there is no none.jpg"),
        (["--histogram-of", "grey.png"], "a reference photograph with colours, got a grey one"),
        (["--strength", "0.5"], "something that --strength is the strength of: --histogram-of"),
        (["--saturation", "0.5", "--model", "{local}"], "reads a histogram and a saturation, got local"),
    ],
)
def test_colorize_says_what_is_wrong_with_a_mood(
    arguments: list[str],
    expected: str,
    photo: Path,
    tiny_path: Path,
    local_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(photo.parent)
    Image.open(photo).convert("L").save("grey.png")
    asked = ["colorize", str(photo), "-o", "out.png", "--model", str(tiny_path)]
    assert main([*asked, *(part.format(local=local_path) for part in arguments)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("ipycolorize: ")
    assert expected in error
    assert error.count("\n") == 1
    assert not Path("out.png").exists()


@pytest.mark.parametrize("flag", ["--saturation", "--strength"])
@pytest.mark.parametrize("text", ["1.5", "-0.1", "nan", "much"])
def test_shares_beyond_their_range_are_a_usage_error(
    flag: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["colorize", "p.jpg", "-o", "o.png", f"{flag}={text}"])
    assert stop.value.code == 2
    assert f"{flag}: expected a number within 0..1, got '{text}'" in capsys.readouterr().err


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


def test_lab_passes_options_on_to_jupyter(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr("ipycolorize.launch.launch_lab", lambda *given: seen.append(given) or 0)
    assert main(["lab", str(photo), "--", "--port", "9000"]) == 0
    assert seen == [(photo, ["--port", "9000"])]
    assert main(["lab", str(photo), "--port", "9000"]) == 0
    assert seen[1] == seen[0], "and needs none"


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
        "--variant",
        "global",
        "--steps",
        "3",
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
    mood = ["--histogram-of", str(photo), "--model", str(weights)]
    assert main(["colorize", str(photo), "-o", str(tmp_path / "c.png"), *mood]) == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], {"minutes": 30.0}),
        (["--minutes", "1.5", "--seed", "4"], {"minutes": 1.5, "seed": 4}),
        (["--steps", "7", "--shards", "4"], {"steps": 7, "shards": 4}),
        (["--crop", "64"], {"minutes": 30.0, "phases": (Phase(0.0, 64, 16),)}),
        (["--batch", "4"], {"minutes": 30.0, "phases": (Phase(0.0, 128, 4),)}),
        (["--rate", "0.01", "--rebalance", "0.5"], {"minutes": 30.0, "rate": 0.01, "rebalance": 0.5}),
        (
            ["--paper"],
            {
                "minutes": 30.0,
                "blank": 0.0,
                "many": 0.0,
                "strokes": 0.0,
                "statistics": 0.75,
                "unusual": 0.0,
                "aged": 0.0,
                "varied": 0.0,
            },
        ),
    ],
)
def test_train_reads_its_configuration(arguments: list[str], expected: dict) -> None:
    args = parse(["train", "photos", "-o", "out", *arguments])
    assert _train_config(args, 1) == TrainConfig(**{"phases": AUTOMATIC_FIRST, **expected})


@pytest.mark.parametrize("network", ["zhang16", "larsson16", "iizuka16"])
def test_a_network_that_reads_no_points_is_trained_without_them(
    photo: Path, tmp_path: Path, network: str
) -> None:
    out = tmp_path / "run"
    train = ["train", str(photo), "-o", str(out), "--network", network, "--width", "2", "--crop", "32"]
    assert main([*train, "--steps", "2", "--batch", "2"]) == 0
    config = torch.load(out / "checkpoint.pt", weights_only=True)["config"]
    assert (config["blank"], config["many"], config["unusual"], config["aged"]) == (1, 0, 0, 0)
    assert config["delta"] == (220 if network == "iizuka16" else TrainConfig(steps=0).delta)
    picture = tmp_path / "automatic.png"
    assert (
        main(["colorize", str(photo), "-o", str(picture), "--model", str(out / "average.safetensors")]) == 0
    )
    assert np.asarray(Image.open(picture)).shape == np.asarray(Image.open(photo)).shape


def test_every_process_gets_a_shard() -> None:
    args = parse(["train", "photos", "-o", "out"])
    assert _train_config(args, 2) == TrainConfig(minutes=30.0, phases=AUTOMATIC_FIRST, shards=2)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--minutes", "1", "--steps", "5"], "--steps: not allowed with argument --minutes"),
        (["--network", "live", "--init", "live"], "--init: not allowed with argument --network"),
        (["--width", "8", "--init", "live"], "--width: not allowed with argument --init"),
        (["--width", "8"], "--width: only with --network siggraph17, zhang16, larsson16 or iizuka16"),
        (["--width", "8", "--network", "live"], "live has no width"),
        (["--variant", "global", "--init", "live"], "--variant: not allowed with argument --init"),
        (["--variant", "global"], "--variant: only with --network siggraph17; live has"),
        (["--variant", "global", "--network", "zhang16"], "zhang16 has no variant"),
        (["--crop", "0"], "--crop: expected a whole number of at least 1, got '0'"),
        (["--limit", "x"], "--limit: expected a whole number of at least 1, got 'x'"),
    ],
)
def test_train_refuses_what_contradicts_itself(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["train", "photos", "-o", "out", *arguments])
    assert stop.value.code == 2
    assert expected in capsys.readouterr().err


def test_train_goes_on_from_a_weights_file(
    photo: Path, tiny_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine"
    tune = ["train", str(photo), "-o", str(out), "--init", str(tiny_path), "--rate", "1e-9"]
    tune += ["--steps", "2", "--batch", "2", "--crop", "32", "--paper", "--validate", str(photo)]
    assert main([*tune, "--log-every", "0"]) == 0
    before, after = load_model(tiny_path), load_model(out / "average.safetensors")
    assert after.config == before.config
    for mine, theirs in zip(after.parameters(), before.parameters(), strict=True):
        np.testing.assert_allclose(mine.detach(), theirs.detach(), atol=1e-3)  # learned next to nothing
    header, first, second = (out / "log.csv").read_text().splitlines()
    assert header.startswith("step,seconds,examples,huber")
    assert first.startswith("1,")
    assert '""10"": ' in second  # the PSNR of the photograph
    assert "1 photo" in capsys.readouterr().out


def test_train_says_when_nothing_is_left_to_validate_with(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grey = tmp_path / "held" / "out.png"
    grey.parent.mkdir()
    Image.open(photo).convert("L").save(grey)
    asked = ["train", str(photo), "-o", str(tmp_path / "run"), "--network", "siggraph17", "--width", "1"]
    assert main([*asked, "--validate", str(grey.parent)]) == 1
    error = capsys.readouterr().err
    assert "--validate" in error
    assert str(grey.parent) in error
    assert not (tmp_path / "run").exists()


def test_python_runs_the_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ipycolorize", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("ipycolorize ")


def test_evaluate_writes_rows_and_a_plot(
    photo: Path, tiny_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grey = photo.with_name("grey.png")
    Image.open(photo).convert("L").save(grey)
    rows, plot = photo.with_name("rows.json"), photo.with_name("plot.png")
    asked = ["evaluate", str(photo.parent), "--methods", f"{tiny_path},gray", "--reveal", "max-error"]
    asked += ["--counts", "0,3", "--size", "64", "--patch", "5", "--json", str(rows), "--plot", str(plot)]
    assert main(asked) == 0
    assert "1 photographs; left out: 1 grey" in capsys.readouterr().out
    table = json.loads(rows.read_text())
    assert [list(row.values())[:5] for row in table] == [
        [method, "max-error", count, 5, 1] for method in (str(tiny_path), "gray") for count in (0, 3)
    ]
    assert table[2]["psnr_mean"] == table[3]["psnr_mean"]
    assert table[0]["psnr_se"] is None  # one photograph has no standard error, and JSON no nan
    with Image.open(plot) as picture:
        assert picture.format == "PNG"


def test_evaluate_measures_more_than_psnr_and_goes_on_with_and_without(
    photo: Path, reference: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path_factory.mktemp("more")
    rows = out / "rows.json"
    asked = ["evaluate", str(photo.parent), "--methods", "gray", "--counts", "0", "--size", "64"]
    asked += ["--out", str(out), "--json", str(rows)]
    assert main(asked) == 0
    plain, plain_rows = (out / "results.csv").read_text(), json.loads(rows.read_text())
    capsys.readouterr()
    asked.append("--force")  # the rows are written anew
    assert main([*asked, "--metrics", "ciede2000,chroma"]) == 0
    assert "ciede2000" in capsys.readouterr().out
    assert main([*asked, "--metrics", "all"]) == 0
    printed = capsys.readouterr().out
    (row,) = json.loads(rows.read_text())
    for name in ("ciede2000", "ciede2000_edges", "chroma_deficit"):
        assert row[name] > 0
        assert row[f"{name}_se"] >= 0
        assert f"{row[name]:6.2f} ± {row[f'{name}_se']:.2f}  {name.replace('_', ' ')}" in printed
    assert row["colourfulness"] < 1 < row["colourfulness_truth"]
    assert "colourfulness difference of means" in printed
    assert "colourfulness mean of differences" in printed
    assert row["psnr_mean"] == plain_rows[0]["psnr_mean"]
    with (out / "scores.csv").open() as file:
        (kept,) = csv.DictReader(file)
    assert float(kept["ciede2000"]) == row["ciede2000"]

    full = (out / "results.csv").read_text()
    assert full != plain
    assert main([*asked, "--metrics", "colourfulness"]) == 0  # all is there: nothing is measured again
    assert (out / "results.csv").read_text() == full
    assert main(asked) == 0
    assert json.loads(rows.read_text()) == plain_rows
    assert (out / "results.csv").read_text() == full


def test_evaluate_refuses_metrics_that_there_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["evaluate", "photos", "--metrics", "ciede2000,beauty"])
    assert "expected all, or some of colourfulness, ciede2000" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("reveal", "shown", "counts"),
    [
        ("histogram+saturation", ["histogram+saturation"], [0]),
        ("histogram+points", ["histogram +   0 points", "histogram +   3 points"], [0, 3]),
    ],
)
def test_evaluate_tells_statistics(
    reveal: str,
    shown: list[str],
    counts: list[int],
    photo: Path,
    tiny_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = photo.with_name("rows.json")
    asked = ["evaluate", str(photo.parent), "--methods", f"{tiny_path},gray", "--reveal", reveal]
    assert main([*asked, "--counts", "0,3", "--size", "64", "--json", str(rows)]) == 0
    printed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("gray")]
    assert [line.removeprefix("gray").split("  16.")[0].strip() for line in printed] == shown
    table = json.loads(rows.read_text())
    assert [list(row.values())[:3] for row in table] == [
        [method, reveal, count] for method in (str(tiny_path), "gray") for count in counts
    ]


def test_transfer_prints_and_writes_a_row_for_each_method(
    photo: Path, reference: Path, tiny_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = photo.with_name("rows.json")
    asked = ["transfer", str(photo.parent), "--methods", f"{tiny_path},gray", "--size", "64"]
    assert main([*asked, "--json", str(rows)]) == 0
    tiny, gray = json.loads(rows.read_text())
    assert (tiny["method"], tiny["images"], gray["method"]) == (str(tiny_path), 2, "gray")
    assert tiny["after"] != tiny["before"]
    assert (gray["after"], gray["ratio"], gray["nearer"]) == (gray["before"], 1, 0)
    last = capsys.readouterr().out.splitlines()[-1].split()
    assert last[:2] == ["gray", f"{gray['before']:.2f}"]
    assert last[-2:] == ["1.00", "0.0%"]


def test_transfer_needs_two_photographs(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transfer", str(photo), "--methods", "gray", "--size", "64"]) == 1
    assert "at least two photographs to exchange colours, got 1" in capsys.readouterr().err


def test_methods_of_points_only_are_refused_before_photographs_are_read(
    local_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (["evaluate", "none", "--reveal", "histogram+points"], ["transfer", "none"]):
        assert main([*command, "--methods", f"gray,{local_path}"]) == 1
        assert f"got {local_path}, which reads points only; leave it out" in capsys.readouterr().err


def test_behaviour_prints_and_writes_a_row_for_each_method(
    photo: Path, tiny_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = photo.with_name("rows.json")
    asked = ["behaviour", str(photo.parent), "--methods", f"{tiny_path},gray", "--size", "96"]
    assert main([*asked, "--json", str(rows)]) == 0
    tiny, gray = json.loads(rows.read_text())
    assert (tiny["method"], tiny["images"], gray["method"]) == (str(tiny_path), 1, "gray")
    assert (gray["change_db"], gray["harmed"], gray["harm_db"]) == (0, 0, None)
    assert gray["any_1"] > 0
    last = capsys.readouterr().out.splitlines()[-1].split()
    assert last[:2] == ["gray", f"{gray['true_1']:.2f}"]
    assert main([*asked, "--json", str(rows), "--force"]) == 0
    assert json.loads(rows.read_text()) == [tiny, gray]  # the seed decides everything


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--plot", "curve.gif"], "to end in .png, .pdf, .svg, got 'curve.gif'"),
        (["--plot", "no/curve.png"], "a folder that can be written to, got no/curve.png"),
        (["--json", "no/rows.json"], "a folder that can be written to, got no/rows.json"),
        (["--json", "."], "a folder that can be written to, got ."),
        (["--plot", "curve.png", "--reveal", "all"], "entropy or histogram+points with --plot, got all"),
        (["--plot", "curve.png", "--reveal", "saturation"], "histogram+points with --plot, got saturation"),
        (["--methods", "gray,nobody"], "shipped weights (live"),
        (["--methods", "gray,nobody"], "deepprop, reinhard and larsson-matching are known as well"),
        (["--counts", "1,65537"], "at most 65536 points, got 65537"),
        (["--counts", "1339", "--reveal", "max-error"], "at most 1338 points, got 1339"),
        (["--reveal", "entropy"], "got gray, which has no distribution"),
    ],
)
def test_evaluate_refuses_before_it_reads_photographs(
    arguments: list[str],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", "there-are-none", "--methods", "gray", *arguments]) == 1
    error = capsys.readouterr().err
    assert expected in error
    assert "there-are-none" not in error
    assert not list(tmp_path.iterdir())


def test_evaluate_keeps_what_it_measured(
    photo: Path,
    reference: Path,
    tiny_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Image.open(photo).convert("L").save(photo.with_name("grey.png"))
    out = tmp_path_factory.mktemp("kept") / "here"
    asked = ["evaluate", str(photo.parent), "--methods", f"{tiny_path},gray", "--counts", "0,2,3"]
    asked += ["--size", "64"]
    assert main([*asked, "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "2 photographs; left out: 1 grey" in printed
    gaps = [line for line in printed.splitlines() if line.startswith(f"{tiny_path} - gray")]
    with (out / "differences.csv").open() as file:
        rows = [*csv.DictReader(file)]
    assert len(gaps) == len(rows) == 3
    for line, row in zip(gaps, rows, strict=True):
        assert f"{float(row['mean']):+.2f} dB [{float(row['low']):+.2f}, {float(row['high']):+.2f}]" in line
        assert f"better on {float(row['wins']):.1%}" in line
    results = (out / "results.csv").read_text()
    names = {line.split(",")[0] for line in results.splitlines()[1:]}
    assert names == {f"{photo.parent.name}/{path.name}" for path in (photo, reference)}
    scores = (out / "scores.csv").read_text()
    (shown,) = out.glob("wins-*tiny-gray.png")
    with Image.open(shown) as picture:
        assert picture.format == "PNG"
    (out / "results.csv").write_text(results[: len(results) // 2])  # stopped half-way
    assert main([*asked, "--out", str(out)]) == 0
    assert (out / "results.csv").read_text() == results
    assert (out / "scores.csv").read_text() == scores
    assert main([*asked, "--out", str(out), "--seed", "1"]) == 1
    assert "expected results of patch 7, size 64 and seed 1, got" in capsys.readouterr().err


def test_points_that_are_sought_end_sooner(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["evaluate", str(photo), "--methods", "gray", "--size", "64", "--reveal"]
    for reveal, last in (("random", 500), ("max-error", 20)):
        assert main([*asked, reveal]) == 0
        assert capsys.readouterr().out.splitlines()[-1].split()[1] == str(last)


@pytest.mark.parametrize("arguments", [["--size", "0"], ["--patch", "-1"], ["--counts", "1,x"]])
def test_evaluate_refuses_numbers_that_make_no_sense(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", "photos", *arguments])
    assert stop.value.code == 2


def test_bench_measures_an_edit() -> None:
    source = list_models()[0].name
    row = measure(Case(source, points=3, dtype="float32", device="cpu"), repeats=1)
    assert row.parameters > 1e6
    assert 0 < row.edit_ms < row.encode_ms  # hints are cheap because the photograph is encoded once
    assert row.gflop_edit > 0.1
    assert not row.histogram
    assert math.isnan(row.mood_ms)
    assert row.peak_mb > 100


def test_bench_measures_edits_under_a_histogram(tiny_path: Path) -> None:
    row = measure(Case(str(tiny_path), 3, "float32", "cpu", histogram=True), repeats=1)
    assert row.histogram
    assert row.mood_ms > 0


def test_bench_asks_for_histograms_where_they_are_read() -> None:
    found = cases("cpu")
    told = [(case.source, case.points) for case in found if case.histogram]
    assert [pair for pair in told if pair[0] == "live"] == [("live", 20), ("live", 500)]
    assert "siggraph17" not in dict(told)
    for source, points in told:  # beside the same without
        assert Case(source, points, "float32", "cpu") in found


def test_help_loads_no_torch() -> None:
    code = (
        "import atexit, sys, ipycolorize.cli as cli\n"
        "atexit.register(lambda: print('torch' in sys.modules))\n"
        "cli.main(['batch', '--help'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\nFalse\n")
