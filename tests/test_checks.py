"""Weights from strangers, and what networks answer: what cannot be is an error, never a picture."""

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from ipycolorize import Session, cli
from ipycolorize.models import load_model
from ipycolorize.models.published import published_name
from ipycolorize.models.siggraph17 import SIGGRAPH17
from ipycolorize.models.weights import NETWORKS, WeightsError, save_model
from ipycolorize.render import Colors, NotColorsError


@pytest.fixture
def mine(tmp_path):
    """A small file of weights, and a function that changes its tensors or its header."""
    path = tmp_path / "mine.safetensors"
    save_model(path, SIGGRAPH17(width=4), dtype=torch.float32)

    def change(tensors=lambda tensors: None, **header):
        with safe_open(path, framework="pt") as file:
            old, values = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        tensors(values)
        save_file(values, path, metadata={**old, **header})

    change.path = path
    return change


BAD = {"NaN": float("nan"), "infinity": float("inf"), "minus infinity": float("-inf")}


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("name", ["conv1.0.weight", "out.bias", "conv2.4.running_mean"])
def test_weights_that_are_not_finite_are_refused(mine, name, value):
    mine(lambda tensors: tensors[name].view(-1)[-1:].fill_(BAD[value]))
    with pytest.raises(WeightsError, match=rf"expected finite weights, got NaN or infinity in {name}"):
        load_model(mine.path)


def test_negative_variances_are_refused(mine):
    mine(lambda tensors: tensors["conv2.4.running_var"][0].fill_(-1e-3))
    with pytest.raises(WeightsError, match=r"expected variances, got negative ones in conv2\.4\.running_var"):
        load_model(mine.path)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"width": 3000}, r"\(4, 4, 3, 3\) instead of \(3000, 3000, 3, 3\)"),
        ({"width": 4096}, r"instead of \(4096, 4096, 3, 3\)"),
        ({"width": 10**9}, "width of at most 4096, got 1000000000"),
        ({"width": float("inf")}, "width of at most 4096, got inf"),
        ({"width": float("nan")}, "width of at most 4096, got nan"),
        ({"width": [4] * 17}, "up to 16 numbers as width"),
        ({"width": [[4]]}, "up to 16 numbers as width"),
        ({"width": {"a": 1}}, "up to 16 numbers as width"),
        ([4], "arguments by name, got a list"),
        ({"width": 4, "variant": "x" * 10_001}, "as JSON in the header"),
    ],
)
def test_a_header_that_asks_for_too_much_is_refused(mine, config, message):
    mine(config=json.dumps(config))
    with pytest.raises(WeightsError, match=message):
        load_model(mine.path)


@pytest.mark.parametrize("depths", [[10**6] * 5, [4000] * 5, [100, 0, 0, 0, 100]])
def test_a_header_that_asks_for_more_blocks_than_the_file_has_tensors_is_refused(mine, depths):
    mine(network="live", config=json.dumps({"depths": depths}))
    with pytest.raises(WeightsError, match=r"depths (that fit the file's \d+ tensors|of at most 4096)"):
        load_model(mine.path)


def test_nested_json_in_a_header_is_refused(mine):
    mine(config="[" * 9000)
    with pytest.raises(WeightsError, match="as JSON in the header"):
        load_model(mine.path)


LIMITED = """
import resource, sys
from ipycolorize.models.weights import NETWORKS, WeightsError, build, load_model
import torch
for name in NETWORKS:  # a first network without memory leaves nothing behind that a second would share
    with torch.device("meta"):
        blueprint = build(name, {})
    if name == sys.argv[2]:
        network = build(name, {} if name == "live" else {"width": 4})
        assert not any(value.is_meta for value in [*network.state_dict().values(), network.bin_centers])
held = int(open("/proc/self/statm", encoding="ascii").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 100_000_000,) * 2)
try:
    load_model(sys.argv[1])
except WeightsError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures address space")
@pytest.mark.parametrize("name", NETWORKS)
def test_a_header_is_compared_before_there_is_room_for_its_network(mine, name):
    config = {"widths": [4096] * 4} if name == "live" else {"width": 4096}
    mine(network=name, config=json.dumps(config))
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(mine.path), name], capture_output=True, text=True, timeout=300
    )
    assert done.stderr == ""
    assert "expected the tensors of" in done.stdout


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    torch.manual_seed(0)
    network = SIGGRAPH17(head="linear529")
    path = tmp_path_factory.mktemp("published") / "caffemodel.pth"
    return path, {published_name(key): value for key, value in network.state_dict().items()}


def test_a_published_file_with_nan_is_refused(published):
    path, state = published
    torch.save({**state, "model_out.0.bias": torch.full((2,), float("nan"))}, path)
    with pytest.raises(WeightsError, match=r"NaN or infinity in out\.bias"):
        load_model(path)


@pytest.mark.parametrize("kind", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_an_archive_is_refused_by_what_it_unpacks_to(published, kind):
    path, _ = published
    with zipfile.ZipFile(path, "w", kind) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}q\x00.")
        for number in range(3):
            archive.writestr(f"archive/data/{number}", bytes(100_000_000))
    assert (path.stat().st_size < 1e6) == (kind == zipfile.ZIP_DEFLATED)
    with pytest.raises(WeightsError, match=r"a state dict of 137 MB, got 300 MB: it is another file"):
        load_model(path)


# --- answers -----------------------------------------------------------------------------------------------


def sick(network, value):
    with torch.no_grad():
        network.tail.out.weight.fill_(value)
    return network


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e38, -1e38, 1e30])
def test_an_answer_that_is_no_colours_is_an_error(small, make_live, tmp_path, value):
    session = Session(small, sick(make_live(), value), device="cpu")
    for ask in (session.rgb, lambda: session.export(tmp_path / "a.png"), lambda: session.ab_at(5, 5)):
        with pytest.raises(NotColorsError, match="expected colours from the network, got NaN"):
            ask()
    assert list(tmp_path.iterdir()) == []
    assert session.gray().shape == small.shape


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e7])
def test_no_picture_is_made_of_what_is_not_finite(value):
    ab = torch.zeros(1, 2, 8, 8)
    ab[0, 1, 3, 4] = value
    with pytest.raises(NotColorsError):
        Colors.of_prediction(torch.full((1, 1, 8, 8), 50.0), ab)


def test_the_painter_refuses_likely_colours_and_what_if_as_well(small, make_live):
    network = make_live()
    session = Session(small, network, device="cpu")
    session.rgb()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(float("nan"))
    fresh = Session(small, network, device="cpu")
    with pytest.raises(NotColorsError):
        fresh.painter.ab((), fresh.mood)
    with pytest.raises(NotColorsError):
        fresh.palette(5, 5)


def test_the_command_line_writes_no_picture_of_them(make_live, small, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.ascontiguousarray(small)).save("photo.png")
    save_model(
        tmp_path / "sick.safetensors", sick(make_live(), 1e38), dtype=torch.float32
    )  # each number is finite
    assert cli.main(["colorize", "photo.png", "-o", "colour.png", "--model", "sick.safetensors"]) == 1
    assert "expected colours from the network" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.png", "sick.safetensors"]


def test_a_pad_says_so_in_its_status_line(make_live, small):
    from ipycolorize.widget import Colorizer

    pad = Colorizer(Session(small, sick(make_live(), float("nan")), device="cpu"))
    try:
        assert pad._worker.wait(60, idle=1)
        assert "expected colours from the network" in pad._status.value
    finally:
        pad.close()
