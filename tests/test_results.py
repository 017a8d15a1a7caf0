"""The file of results: what is written, what is read back, what is refused."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from ipycolorize.analysis.results import (
    COLUMNS,
    FIRST,
    Case,
    Results,
    ResultsError,
    ResultsFile,
    Setting,
    fingerprint,
    mean_and_error,
    read_results,
)
from ipycolorize.baselines.gray import Gray
from ipycolorize.models.siggraph17 import SIGGRAPH17

SETTING = Setting(patch=7, size=64, seed=0)
ONE, ALL = Case("live", "random", 10), Case("live", "all", -1)
NAMES = ['folder/a,"b".jpg', "folder/ü.jpg", "folder/\udcff.jpg"]  # the last one's name is no UTF-8
VALUES = [21.0, 1 / 3, math.inf]


def results(case: Case = ONE, names: list[str] = NAMES, values: list[float] = VALUES) -> Results:
    found = Results(SETTING, {case.method: "0123456789ab"})
    found.add(case, names, values)
    return found


def test_what_is_written_is_read_back_exactly(tmp_path: Path) -> None:
    file = ResultsFile(tmp_path / "deep" / "results.csv", SETTING)
    file.append(results())
    file.append(results(ALL))
    expected = results()
    expected.merge(results(ALL))
    assert file.read() == read_results(file.path) == expected
    lines = file.path.read_bytes().splitlines()
    assert lines[0].decode() == ",".join(COLUMNS)
    assert len(lines) == 7
    file.finish(expected)
    assert file.read() == expected
    assert sorted(file.path.read_bytes().splitlines()[1:]) == sorted(lines[1:])


@pytest.mark.parametrize("left", [1, 30, 50])
def test_a_torn_line_is_dropped_and_overwritten(left: int, tmp_path: Path) -> None:
    file = ResultsFile(tmp_path / "results.csv", SETTING)
    file.append(results())
    whole = file.path.read_bytes()
    torn = whole[: whole[:-1].rfind(b"\n") + 1 + left]
    file.path.write_bytes(torn)
    assert file.read() == results(names=NAMES[:2], values=VALUES[:2])
    file.append(results(names=NAMES[2:], values=VALUES[2:]))
    assert file.path.read_bytes() == whole


def test_a_torn_heading_is_no_obstacle(tmp_path: Path) -> None:
    file = ResultsFile(tmp_path / "results.csv", SETTING)
    file.path.write_text("image,meth")
    assert file.read() == Results(SETTING)
    file.append(results())
    assert file.read() == results()


def test_parts_of_other_processes_are_read_and_taken_away(tmp_path: Path) -> None:
    files = [ResultsFile(tmp_path / "results.csv", SETTING, index=index) for index in range(3)]
    for file, name, value in zip(files, NAMES, VALUES, strict=True):
        file.append(results(names=[name], values=[value]))
    assert len(list(tmp_path.iterdir())) == 3
    assert files[0].read() == files[2].read() == results()
    files[0].finish(results())
    assert list(tmp_path.iterdir()) == [tmp_path / "results.csv"]
    assert files[1].read() == results()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name,size\nx,1\n", "expected a table of image,method"),
        ("a letter to my grandmother", "got 'a letter to my grandmother' in"),
        (f"{','.join(COLUMNS)}\na,live,01,random,ten,7,64,0,21\n", "expected whole rows of results"),
        (f"{','.join(COLUMNS)}\na,live,01,random,10,7\n", "expected whole rows of results"),
        (f"{','.join(COLUMNS)}\na,live,01,random,10,7,32,0,21\n", "size 64 and seed 0, got patch 7, size 32"),
        (f"{','.join(COLUMNS)}\na,live,01,random,10,7,64,0,21,2\n", "expected results of protocol 1, got 2"),
        (f"{','.join(COLUMNS)}\na,live,01,random,10,7,64,0,21,1,ten\n", "expected whole rows of results"),
        (f"{','.join(FIRST)},beauty\na,live,01,random,10,7,64,0,21,3\n", "got 'image,method,.*beauty' in"),
    ],
)
def test_what_is_no_such_file_is_refused_and_kept(text: str, expected: str, tmp_path: Path) -> None:
    file = ResultsFile(tmp_path / "results.csv", SETTING)
    file.path.write_text(text)
    with pytest.raises(ResultsError, match=expected):
        file.read()
    assert file.path.read_text() == text


def test_an_empty_file_has_nothing_to_look_at(tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text(",".join(COLUMNS) + "\n")
    with pytest.raises(ResultsError, match="expected results of a sweep, got none"):
        read_results(tmp_path / "results.csv")


def test_weights_of_one_name_must_be_one(tmp_path: Path) -> None:
    other = results()
    other.weights["live"] = "ba9876543210"
    with pytest.raises(ResultsError, match="one live, got results of two that have different weights"):
        results().merge(other)
    with pytest.raises(ResultsError, match="Setting"):
        results().merge(Results(Setting(patch=7, size=64, seed=1)))


def test_means_and_standard_errors() -> None:
    values = [20.0, 22.5, 27.0, 21.0]
    (score,) = results(names=list("abcd"), values=values).scores()
    assert score.psnr_mean == np.mean(values)
    assert score.psnr_se == pytest.approx(np.std(values, ddof=1) / 2, abs=1e-4)
    assert (score.method, score.reveal, score.count, score.patch, score.images) == (
        "live",
        "random",
        10,
        7,
        4,
    )
    assert mean_and_error(np.array([20.0, math.inf]))[0] == math.inf
    assert math.isnan(mean_and_error(np.array([20.0, math.inf]))[1])
    assert math.isnan(mean_and_error(np.array([20.0]))[1])


def test_only_some_cases_and_photographs() -> None:
    both = results()
    both.merge(results(ALL))
    assert both.only([ONE], NAMES) == results()
    assert both.only([ALL], NAMES[1:]) == results(ALL, NAMES[1:], VALUES[1:])


def test_a_fingerprint_changes_with_weights_and_arguments() -> None:
    network = SIGGRAPH17(width=2)
    found = {fingerprint(network)}
    torch.manual_seed(0)
    assert fingerprint(Gray()) == fingerprint(Gray())
    with torch.no_grad():
        network.out.weight[0, 0, 0, 0] += 1e-3
    found |= {fingerprint(network), fingerprint(SIGGRAPH17(width=2, ab_scale=100.0)), fingerprint(Gray())}
    assert len(found) == 4


def with_chroma(deficit: float = 7.5) -> Results:
    found = results()
    for name, value in (("chroma_deficit", deficit), ("chroma_excess", 1 / 7)):
        found.add(ONE, NAMES, [value] * len(NAMES), name=name)
    return found


def test_other_metrics_are_kept_beside_psnr(tmp_path: Path) -> None:
    file = ResultsFile(tmp_path / "results.csv", SETTING)
    file.append(with_chroma())
    assert file.read() == read_results(file.path) == with_chroma()
    assert file.read().has(ONE, NAMES, ["chroma"])
    assert not file.read().has(ONE, NAMES, ["chroma", "ciede2000"])
    file.finish(with_chroma())
    assert file.read() == with_chroma()
    assert with_chroma().only([ONE], NAMES, []) == results()
    (row,) = [score.row() for score in with_chroma().scores()]
    assert row["chroma_deficit"] == 7.5
    assert "others" not in row


def test_metrics_that_come_later_join_what_is_there_and_nothing_is_lost(tmp_path: Path) -> None:
    file = ResultsFile(tmp_path / "results.csv", SETTING)
    file.append(results())
    file.append(with_chroma())
    file.append(results())  # measured again without them
    assert file.read() == with_chroma()


OLD = "image,method,weights,reveal,count,patch,size,seed,psnr\n"


@pytest.mark.parametrize("torn", ["", "folder/b.jpg,live,0123"])
def test_a_file_from_before_there_were_other_metrics_goes_on(torn: str, tmp_path: Path) -> None:
    file = ResultsFile(tmp_path / "results.csv", SETTING)
    line = "folder/a.jpg,live,0123456789ab,random,10,7,64,0,21.5\n"
    file.path.write_text(OLD + line + torn)
    expected = results(names=["folder/a.jpg"], values=[21.5])
    assert file.read() == expected
    file.append(with_chroma())
    expected.merge(with_chroma())
    assert file.read() == expected
    assert file.path.read_text(errors="surrogateescape").startswith(",".join(COLUMNS) + "\n")
    assert len(list(tmp_path.iterdir())) == 1


def test_both_differences_of_colourfulness() -> None:
    found = Results(SETTING, {"live": "01"})
    found.add(ONE, "ab", [20, 30])
    found.add(ONE, "ab", [10, 50], name="colourfulness")
    found.add(ONE, "ab", [30, 34], name="colourfulness_truth")
    (score,) = found.scores()
    assert score.others["colourfulness"] == 30
    assert score.others["colourfulness_se"] == 20
    assert score.others["colourfulness_difference_of_means"] == 2  # |30 - 32|: too grey and too lively cancel
    assert score.others["colourfulness_mean_of_differences"] == 18  # (20 + 16) / 2
