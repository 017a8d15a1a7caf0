from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file
from sklearn.datasets import load_sample_image
from torch import nn

from ipycolorize.color import rgb_to_lab
from ipycolorize.hint_batch import HintBatch
from ipycolorize.models import list_models, load_model
from ipycolorize.models import weights as module
from ipycolorize.models.device import DeviceError, pick_device
from ipycolorize.models.published import MASK_OFFSET, published_name
from ipycolorize.models.siggraph17 import SIGGRAPH17
from ipycolorize.models.weights import Card, WeightsError, build, save_model, weights_folder
from ipycolorize.protocol import random_points, reveal_points


def trained(**config) -> SIGGRAPH17:
    """A small network with running statistics that differ from a new one's."""
    torch.manual_seed(0)
    network = SIGGRAPH17(**{"width": 4, **config}).train()
    network(torch.rand(2, 1, 32, 32) * 100, HintBatch.empty(shape=(32, 32), count=2))
    return network


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "mine.safetensors"
    save_model(path, trained())
    return path


def rewrite(path: Path, **header: str | None) -> None:
    """Change the header of a saved file; None takes an entry away."""
    with safe_open(path, framework="pt") as file:
        old = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it is not a dict
    merged = {**old, **header}
    save_file(tensors, path, metadata={key: value for key, value in merged.items() if value is not None})


def card_of(path: Path, **changes) -> Card:
    fields = {
        "name": "small",
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "network": "siggraph17",
        "config": trained().config,
        "description": "a test",
        "trained_on": "nothing",
        "image_steps": 0,
        "hardware": "none",
        "psnr": ((0, 20.0), ("all", 30.0)),
        "licence": "MIT",
    }
    return Card(**{**fields, **changes})


@pytest.fixture
def shipped(saved: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The saved file as if it were the only one that ships."""
    monkeypatch.setattr(module, "REGISTRY", {"small": card_of(saved)})
    monkeypatch.setattr(module, "weights_folder", lambda: saved.parent)
    return saved


# our own files


@pytest.mark.parametrize(
    "config", [{}, {"variant": "global", "mask_offset": 0.5}, {"head": "linear529", "ab_scale": 128.0}]
)
def test_round_trip_is_exact_in_float16(tmp_path: Path, config: dict) -> None:
    network = trained(**config)
    save_model(tmp_path / "a.safetensors", network)
    again = load_model(tmp_path / "a.safetensors")
    assert type(again) is SIGGRAPH17 and not again.training
    assert again.config == network.config
    state = again.state_dict()
    assert list(state) == list(network.state_dict())
    for key, value in network.state_dict().items():
        assert state[key].dtype == value.dtype  # float32 again, counters stay integers
        halved = value.is_floating_point() and "running" not in key
        kept = value.half().float() if halved else value
        assert torch.equal(state[key], kept), key


def test_statistics_may_be_larger_than_float16(saved: Path) -> None:
    """Variances of 1e6 are common in conv6, which has three convolutions before its norm."""
    network = trained()
    network.conv6[-1].running_var.fill_(1e6)
    save_model(saved, network)
    assert (load_model(saved).state_dict()[f"conv6.{len(network.conv6) - 1}.running_var"] == 1e6).all()


def test_round_trip_in_float32_changes_nothing(tmp_path: Path) -> None:
    network = trained()
    save_model(tmp_path / "a.safetensors", network, dtype=torch.float32)
    state = load_model(str(tmp_path / "a.safetensors")).state_dict()
    assert all(torch.equal(state[key], value) for key, value in network.state_dict().items())


def test_saved_file_says_what_it_is(saved: Path) -> None:
    save_model(saved, trained(), metadata={"trained_on": "photographs", "network": "something else"})
    with safe_open(saved, framework="pt") as file:
        header = file.metadata()
    assert header.pop("config") == json.dumps(trained().config)
    expected = {"format": "ipycolorize", "version": "1", "network": "siggraph17", "trained_on": "photographs"}
    assert header == expected


def test_save_replaces_an_older_file_and_leaves_nothing_else(saved: Path) -> None:
    save_model(saved, trained(width=6))
    assert load_model(saved).config["width"] == 6
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_save_that_fails_keeps_the_older_file(saved: Path) -> None:
    before = saved.read_bytes()
    network = trained()
    nn.init.constant_(network.out.weight, 1e6)  # more than float16 holds
    with pytest.raises(WeightsError, match=r"float16, got others in out\.weight"):
        save_model(saved, network)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_save_refuses_other_networks_and_suffixes(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="Iizuka16, got Linear"):
        save_model(tmp_path / "a.safetensors", nn.Linear(1, 1))
    with pytest.raises(WeightsError, match=r"ends in \.safetensors, got 'a\.pth'"):
        save_model(tmp_path / "a.pth", trained())


def test_load_unknown_name_lists_the_known(shipped: Path) -> None:
    with pytest.raises(WeightsError, match=r"nosuch: expected the name of shipped weights \(small\)"):
        load_model("nosuch")


def test_load_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="there is no such file"):
        load_model(tmp_path / "nosuch.safetensors")


def test_load_folder(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="this is a folder"):
        load_model(tmp_path)


def test_load_other_suffix(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(b"x")
    with pytest.raises(WeightsError, match=r"a\.onnx: expected a \.safetensors"):
        load_model(path)


@pytest.mark.parametrize("damage", ["cut", "text", "empty"])
def test_load_damaged_safetensors(saved: Path, damage: str) -> None:
    data = saved.read_bytes()
    saved.write_bytes({"cut": data[:-100], "text": b"not weights " * 99, "empty": b""}[damage])
    with pytest.raises(WeightsError, match="got a damaged one"):
        load_model(saved)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"format": None}, "something else"),
        ({"format": "pt"}, "something else"),
        ({"version": "2"}, "expected version 1, got '2'"),
        ({"network": "live2"}, "expected a network of live, siggraph17, .*, iizuka16, got 'live2'"),
        ({"config": "{"}, "as JSON"),
        ({"config": '{"depth": 3}'}, "expected arguments for SIGGRAPH17"),
        ({"config": '{"width": -4}'}, "expected arguments for SIGGRAPH17"),
        ({"config": '{"width": 6}'}, r"conv1\.0\.weight: \(4, 4, 3, 3\) instead of \(6, 4, 3, 3\)"),
        ({"config": '{"width": 4, "head": "linear529"}'}, r"2 missing \(head\.weight, head\.bias\)"),
    ],
)
def test_load_foreign_header(saved: Path, header: dict[str, str | None], message: str) -> None:
    rewrite(saved, **header)
    with pytest.raises(WeightsError, match=message):
        load_model(saved)


# shipped files


def test_registered_name_loads_its_file(shipped: Path) -> None:
    assert load_model("small").config == trained().config


def test_registered_file_with_another_hash_is_refused(shipped: Path) -> None:
    data = bytearray(shipped.read_bytes())
    data[-1] ^= 1  # one bit of one weight: safetensors alone would not notice
    shipped.write_bytes(data)
    load_model(shipped)
    with pytest.raises(WeightsError, match="expected sha256"):
        load_model("small")


def test_registered_file_that_is_missing_is_an_error(shipped: Path) -> None:
    shipped.unlink()
    with pytest.raises(WeightsError, match="expected the weights of 'small', found no file"):
        load_model("small")


def test_cards_are_values(saved: Path) -> None:
    card = card_of(saved)
    assert card == card_of(saved) and hash(card) == hash(card_of(saved))
    with pytest.raises(dataclasses.FrozenInstanceError):
        card.name = "other"  # type: ignore[misc]  # the point of the test


@pytest.mark.parametrize("card", list_models(), ids=lambda card: card.name)
def test_shipped_weights_are_what_their_card_says(card: Card) -> None:
    network = load_model(card.name)
    assert type(network).__name__ == module.NETWORKS[card.network]
    assert json.dumps(network.config) == json.dumps(dict(card.config))
    assert (weights_folder() / card.file).stat().st_size < 16 * 2**20
    with torch.no_grad():
        features = network.encode(torch.full((1, 1, 40, 48), 50.0))
        ab = network.decode(features, HintBatch.empty(shape=(40, 48))).ab
    assert torch.isfinite(ab).all()


def readme_table(text: str) -> list[dict[str, str]]:
    """Rows of the markdown table whose first column is "name", by the lower-case titles of its columns."""
    blocks = [block.splitlines() for block in re.split(r"\n\s*\n", text)]
    table = next((block for block in blocks if re.match(r"\|\s*name\s*\|", block[0] if block else "")), [])
    cells = [[cell.strip().strip("`") for cell in line.strip().strip("|").split("|")] for line in table]
    titles = [title.lower() for title in cells[0]] if cells else []
    return [dict(zip(titles, line, strict=True)) for line in cells[2:]]


def described(card: Card) -> dict[str, object]:
    """What the README must say about a card; the title of the PSNR column names the points."""
    count = sum(parameter.numel() for parameter in build(card.network, card.config).parameters())
    points = "/".join(str(points) for points, _ in card.psnr)
    return {
        "name": card.name,
        "file": card.file,
        "sha256": card.sha256,
        "network": card.network,
        "parameters": count,
        f"psnr at {points} points": [decibel for _, decibel in card.psnr],
        "licence": card.licence,
    }


def from_readme(row: dict[str, str]) -> dict[str, object]:
    psnr = next(title for title in row if title.startswith("psnr"))
    return {
        **{title: row[title] for title in ("name", "file", "sha256", "network", "licence")},
        "parameters": int(row["parameters"].replace(",", "")),
        psnr: [float(decibel) for decibel in row[psnr].split("/")],
    }


def test_registry_equals_the_table_in_the_readme() -> None:
    table = readme_table((weights_folder() / "README.md").read_text(encoding="utf-8"))
    assert [from_readme(row) for row in table] == [described(card) for card in list_models()]


def test_readme_table_is_really_compared(saved: Path) -> None:
    card = card_of(saved)
    text = (
        "# Weights\n\n"
        "| name | file | sha256 | network | parameters | PSNR at 0/all points | licence |\n"
        "|---|---|---|---|---|---|---|\n"
        f"| small | `{card.file}` | `{card.sha256}` | siggraph17 | 142,235 | 20.0 / 30.0 | MIT |\n"
    )
    assert [from_readme(row) for row in readme_table(text)] == [described(card)]
    for old, new in (("20.0", "20.1"), ("142,235", "142,236"), ("0/all", "1/all"), (card.sha256, "0" * 64)):
        changed = re.sub(old, new, text, count=1)
        assert [from_readme(row) for row in readme_table(changed)] != [described(card)]


def test_weights_folder_of_a_checkout_lies_beside_the_package() -> None:
    assert (weights_folder() / "README.md").is_file()


# published files


@pytest.fixture(scope="module")
def published() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    network = SIGGRAPH17(head="linear529")
    return {published_name(key): value for key, value in network.state_dict().items()}


@pytest.mark.parametrize(
    ("name", "mask_offset"),
    [
        ("caffemodel.pth", 0.0),
        ("siggraph_caffemodel/latest_net_G.pth", 0.0),
        ("siggraph_retrained/latest_net_G.pth", 0.5),
    ],
)
def test_published_file_brings_its_own_mask_convention(
    tmp_path: Path, published: dict[str, torch.Tensor], name: str, mask_offset: float
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    torch.save(published, path)
    network = load_model(path)
    assert network.config == {**SIGGRAPH17(width=1).config, "width": 64, "head": "linear529"} | {
        "mask_offset": mask_offset
    }
    assert torch.equal(network.out.weight, published["model_out.0.weight"])
    assert not network.training


def test_published_file_of_an_ambiguous_name_is_refused(
    tmp_path: Path, published: dict[str, torch.Tensor]
) -> None:
    path = tmp_path / "latest_net_G.pth"
    torch.save(published, path)
    with pytest.raises(WeightsError, match="whether its hint mask was centred, one of siggraph17-df00044c"):
        load_model(path)


def test_published_file_named_by_its_hash_must_have_it(
    tmp_path: Path, published: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "siggraph17-df00044c.pth"
    torch.save(published, path)
    with pytest.raises(WeightsError, match="sha256 that begins with df00044c"):
        load_model(path)
    named = path.rename(tmp_path / f"siggraph17-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.pth")
    monkeypatch.setitem(MASK_OFFSET, named.name, 0.0)
    assert load_model(named).config["mask_offset"] == 0.0


def test_published_file_of_something_else_names_the_keys(tmp_path: Path) -> None:
    path = tmp_path / "caffemodel.pth"
    torch.save(nn.Linear(3, 2).state_dict(), path)
    with pytest.raises(WeightsError, match=r"missing \(model1\.0\.weight, .*2 unexpected \(weight, bias\)"):
        load_model(path)
    torch.save(torch.zeros(3), path)
    with pytest.raises(WeightsError, match="expected a state dict, got a Tensor"):
        load_model(path)
    torch.save({"epoch": 3, "state_dict": {}}, path)
    with pytest.raises(WeightsError, match=r"2 unexpected \(epoch, state_dict\)"):
        load_model(path)


@pytest.mark.parametrize("damage", ["cut", "text", "empty"])
def test_published_file_that_is_damaged(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "caffemodel.pth"
    torch.save({"model1.0.weight": torch.zeros(64, 4, 3, 3)}, path)
    data = path.read_bytes()
    path.write_bytes({"cut": data[: len(data) // 2], "text": b"not weights " * 99, "empty": b""}[damage])
    with pytest.raises(WeightsError, match="it is damaged"):
        load_model(path)


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


def test_pickled_objects_are_refused_and_never_run(tmp_path: Path) -> None:
    path, sprung = tmp_path / "caffemodel.pth", tmp_path / "sprung"
    torch.save({"model1.0.weight": Trap(str(sprung))}, path)
    with pytest.raises(WeightsError, match="pickled Python objects"):
        load_model(path)
    assert not sprung.exists()


# devices


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_takes_cuda_then_mps_then_cpu(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert pick_device("auto").type == expected
    assert pick_device("cpu").type == "cpu"


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_device_that_is_absent_is_an_error(monkeypatch: pytest.MonkeyPatch, saved: Path, name: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(DeviceError, match=f"expected the device '{name}'.*finds only: cpu"):
        pick_device(name)
    with pytest.raises(DeviceError):
        load_model(saved, device=name)


def test_unknown_device_is_an_error() -> None:
    with pytest.raises(DeviceError, match="expected a device of auto, cuda, mps, cpu, got 'gpu'"):
        pick_device("gpu")


@pytest.mark.parametrize("short_side", [160, 256, 400, 768])
@torch.inference_mode()
def test_the_default_network_works_at_every_size(short_side: int) -> None:
    """A 3:2 photograph, 20 true points: the picture must come much nearer to the truth than grey is."""
    china = torch.tensor(load_sample_image("china.jpg")).permute(2, 0, 1)[None].float() / 255
    shape = (short_side, round(short_side * china.shape[3] / china.shape[2]))
    truth = rgb_to_lab(F.interpolate(china, size=shape, mode="bilinear", antialias=True))
    generator = torch.Generator().manual_seed(0)
    row, col = random_points(1, 20, shape=shape, generator=generator)
    hints = reveal_points(truth[:, 1:], row, col, patch=7 * short_side // 256)
    network = load_model("live")
    ab = network.decode(network.encode(truth[:, :1]), hints).ab
    error = [(guess - truth[:, 1:]).square().mean().item() for guess in (ab, torch.zeros_like(ab))]
    assert error[0] < 0.6 * error[1]
