"""Two real processes measure what one does, digit by digit."""

import numpy as np
import pytest
from PIL import Image
from shards import encoded, tar_of
from sklearn.datasets import load_sample_images
from test_distributed import launch

from ipycolorize.analysis.photographs import FiledPhotographs
from ipycolorize.cli import main
from ipycolorize.corpus import DataError, find_images
from ipycolorize.processes import Processes


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """19 photographs in three batches; among them what nothing can be measured on."""
    path = tmp_path_factory.mktemp("photographs")
    images = [image[::6, ::6] for image in load_sample_images().images]
    crops = [np.roll(images[number % 2], 5 * number, axis=1) for number in range(19)]
    for number, crop in enumerate(crops[:12]):
        Image.fromarray(crop).save(path / f"{number:02}.png")
    Image.fromarray(crops[3]).convert("L").save(path / "03-grey.png")
    Image.fromarray(crops[4][:20]).save(path / "04-tiny.png")
    (path / "05-broken.jpg").write_bytes(b"not a picture")
    (path / "deep").mkdir()
    tar_of(
        path / "deep" / "more.tar",
        {f"{number:02}.png": encoded(crop) for number, crop in enumerate(crops[12:])},
    )
    return path


def test_photographs_are_found_judged_and_named(folder):
    found = FiledPhotographs.find(folder, short_side=48, smallest=48, progress=False)
    assert found.summary() == "19 photographs; left out: 1 broken, 1 tiny, 1 grey"
    names = [f"{number:02}.png" for number in range(12)] + [
        f"deep/more.tar/{number:02}.png" for number in range(7)
    ]
    assert found.names == tuple(f"{folder.name}/{name}" for name in names)
    with Image.open(folder / "02.png") as picture:
        size = picture.size
    assert found[2].shape == (48, round(48 / size[1] * size[0]), 3)
    assert [image.shape for image in found[1:3]] == [found[1].shape, found[2].shape]
    first = FiledPhotographs.find(folder, short_side=48, smallest=48, limit=5, progress=False)
    assert first.names == found.names[:5]
    assert first.summary() == "5 photographs; left out: 1 tiny, 1 grey"  # what came before the fifth


def test_names_do_not_depend_on_where_the_folder_is(folder, monkeypatch):
    monkeypatch.chdir(folder)
    asked = {"short_side": 48, "smallest": 48, "progress": False}
    here = FiledPhotographs.find(folder.relative_to(folder), **asked)
    assert here.names == FiledPhotographs.find(folder, **asked).names
    shard = FiledPhotographs.find(folder / "deep" / "more.tar", **asked)
    assert shard.names[0] == "more.tar/00.png"


def test_processes_that_share_the_looking_see_the_same(folder):
    class Two(Processes):
        """The first of two, which is told what the second has found."""

        def gather(self, value):
            return [value, other] if self.count == 2 else [value]

    found = FiledPhotographs.find(folder, short_side=48, smallest=48, progress=False)
    files = find_images([folder.resolve()])
    kept = {file for file in files[1::2] if file in found.files}
    grey = {"broken": 0, "too large": 0, "tiny": 0, "grey": 0, "toned": 0}
    lost = [file.name for file in files[1::2] if file not in found.files]
    other = (kept, {reason: sum(reason in name for name in lost) for reason in grey})
    shared = FiledPhotographs.find(folder, short_side=48, smallest=48, progress=False, processes=Two(count=2))
    assert shared == found


def test_nothing_to_measure_on_is_an_error(tmp_path):
    Image.new("RGB", (80, 80)).save(tmp_path / "black.png")
    with pytest.raises(DataError, match="found none to use; left out: 1 grey"):
        FiledPhotographs.find(tmp_path, short_side=64, progress=False)


def test_a_photograph_that_has_gone_bad_is_named(folder, tmp_path):
    (tmp_path / "one.png").write_bytes((folder / "00.png").read_bytes())
    found = FiledPhotographs.find(tmp_path, short_side=64, progress=False)
    (tmp_path / "one.png").write_bytes(b"")
    with pytest.raises(DataError, match=f"expected {tmp_path.name}/one.png as it was a moment ago.*broken"):
        found[0]


@pytest.mark.slow
def test_two_processes_measure_what_one_does(folder, tiny_path, tmp_path, capsys):
    one, two = tmp_path / "one", tmp_path / "two"
    asked = ["reproduce", "figure6", "--photos", str(folder), "--methods", f"{tiny_path},gray"]
    asked += ["--counts", "0,3,9", "--size", "48", "--device", "cpu"]
    assert main([*asked, "-o", str(one)]) == 0
    alone = capsys.readouterr().out
    heading, *lines = (one / "results.csv").read_text().splitlines(keepends=True)
    two.mkdir()  # as an interrupted run of two leaves it: some photographs, a torn line
    (two / "results.csv").write_text(heading)
    some = "".join(line for line in lines if "random" in line and "/1" in line)
    (two / "results-part1.csv").write_text(heading + some + lines[7][:20])
    shared = launch(
        "torchrun", "--standalone", "--nproc-per-node", "2", "-m", "ipycolorize", *asked, "-o", str(two)
    )
    assert shared.returncode == 0, shared.stderr
    assert shared.stdout == alone.replace(str(one), str(two))  # of the main process alone
    assert "19 photographs; left out: 1 broken, 1 tiny, 1 grey" in shared.stdout
    tables = {"results.csv", "figure6.csv", "figure6.md"}
    assert {path.name for path in two.iterdir()} == tables | {"figure6.png", "figure6.pdf"}
    for name in tables:
        assert (two / name).read_bytes() == (one / name).read_bytes()
    assert len((two / "figure6.csv").read_text().splitlines()) == 1 + 2 * 2 * 3
