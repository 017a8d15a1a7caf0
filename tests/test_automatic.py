"""zhang16, larsson16 and iizuka16: what they share, and what each does by itself."""

import math

import numpy as np
import pytest
import torch

from ipycolorize.gamut import AbBins
from ipycolorize.global_hints import GlobalHints
from ipycolorize.hint_batch import HintBatch
from ipycolorize.models import larsson16
from ipycolorize.models.base import Outputs
from ipycolorize.models.iizuka16 import Iizuka16
from ipycolorize.models.larsson16 import Larsson16
from ipycolorize.models.weights import build, load_model, save_model
from ipycolorize.models.zhang16 import TEMPERATURE, Zhang16
from ipycolorize.training.examples import Examples
from ipycolorize.training.losses import HUE_WEIGHT, objective, polar_cross_entropy

NAMES = ("zhang16", "larsson16", "iizuka16")
STEPS = 60


def network_of(name: str, seed: int = 0):
    """A small network whose last layers say something."""
    torch.manual_seed(seed)
    network = build(name, {"width": 2})
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return network.eval()


def lightness_of(count: int, height: int, width: int) -> torch.Tensor:
    return 100 * torch.rand(count, 1, height, width, generator=torch.Generator().manual_seed(1))


def no_hints(lightness: torch.Tensor) -> HintBatch:
    return HintBatch.empty(shape=tuple(lightness.shape[-2:]), count=len(lightness))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("height", "width"), [(64, 64), (37, 50), (8, 90)])
def test_any_size_gives_colours_of_that_size(name: str, height: int, width: int) -> None:
    network, lightness = network_of(name), lightness_of(2, height, width)
    with torch.inference_mode():
        shown = network.decode(network.encode(lightness), no_hints(lightness))
        logits = shown.logits
    assert shown.ab.shape == (2, 2, height, width)
    assert bool(torch.isfinite(shown.ab).all())
    assert float(shown.ab.std()) > 0
    assert logits.shape[:2] == (2, len(network.bin_centers))
    if name != "iizuka16":
        assert logits.shape[-2:] == (math.ceil(height / 4), math.ceil(width / 4))


@pytest.mark.parametrize("name", NAMES)
def test_points_change_nothing_and_statistics_are_refused(name: str) -> None:
    network, lightness = network_of(name), lightness_of(1, 32, 32)
    assert not network.reads_points
    features = network.encode(lightness)
    without = network.decode(features, no_hints(lightness)).ab
    three = HintBatch.of_points(
        torch.full((3, 1), 8.0), torch.full((3, 1), 8.0), torch.full((3, 1), 7.0),
        torch.full((3, 1, 2), 60.0), torch.ones(3, 1), shape=(32, 32),
    )  # fmt: skip
    shown = network.decode(features, three)
    assert torch.equal(shown.ab, without.expand(3, -1, -1, -1))
    assert len(shown.logits) == 3
    with pytest.raises(ValueError, match="reads the photograph alone"):
        network.decode(features, three, global_hints=GlobalHints.of_pictures(torch.zeros(3, 3, 32, 32)))


@pytest.mark.parametrize("name", NAMES)
def test_the_whole_picture_does_not_depend_on_its_neighbours_in_a_batch(name: str) -> None:
    network, lightness = network_of(name), lightness_of(3, 40, 48)
    with torch.inference_mode():
        together = network.encode(lightness).ab
        alone = torch.cat([network.encode(one[None]).ab for one in lightness])
    torch.testing.assert_close(together, alone, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_brings_the_same_network_back(name: str, tmp_path) -> None:
    network, lightness = network_of(name), lightness_of(1, 32, 32)
    save_model(tmp_path / "net.safetensors", network)
    again = load_model(str(tmp_path / "net.safetensors"), device="cpu")
    assert type(again) is type(network)
    torch.testing.assert_close(again.encode(lightness).ab, network.encode(lightness).ab, atol=0.5, rtol=0.05)
    assert not again.reads_points


@pytest.mark.parametrize("name", NAMES)
def test_learns_two_colours_by_heart(name: str) -> None:
    """Bright is blue and dark is orange: some steps of the real objective must find that."""
    torch.manual_seed(0)
    network = build(name, {"width": 8}).train()
    bins = AbBins(centers=network.bin_centers)
    lightness = torch.full((2, 1, 64, 64), 30.0)
    lightness[..., 32:] = 70.0
    truth = torch.where(lightness > 50, torch.tensor([5.0, -40.0])[:, None, None], 35.0)
    examples = Examples(lightness, no_hints(lightness), truth, torch.ones(2))
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3)
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = 5e-3 * (1 - step / STEPS)
        optimizer.zero_grad()
        parts = objective(network(lightness, examples.hints), examples, bins, delta=220.0)
        parts.sum().backward()
        optimizer.step()
    # batch norm has seen this one batch only: its own statistics are the right ones
    with torch.inference_mode():
        shown = network.encode(lightness).ab
    error = (shown - truth).norm(dim=1)[:, 16:48]
    assert float(error[..., 8:24].mean()) < 12
    assert float(error[..., 40:56].mean()) < 12


# -- zhang16 -------------------------------------------------------------------------------------------------


def test_zhang_shows_the_annealed_mean_of_its_distribution() -> None:
    network, lightness = network_of("zhang16"), lightness_of(1, 32, 32)
    seen = network.encode(lightness)
    scaled = seen.logits.double() / TEMPERATURE
    weights = (scaled - scaled.logsumexp(1, keepdim=True)).exp()
    small = torch.einsum("nqhw,qc->nchw", weights, network.bin_centers.double())
    # a bilinear enlargement keeps the mean of what lies inside
    torch.testing.assert_close(seen.ab.double().mean((2, 3)), small.mean((2, 3)), atol=0.2, rtol=0.05)
    low, high = small.amin((2, 3)), small.amax((2, 3))
    assert bool((seen.ab.amin((2, 3)) >= low - 0.1).all() and (seen.ab.amax((2, 3)) <= high + 0.1).all())


def test_zhang_has_the_size_of_the_authors_at_their_width() -> None:
    """conv1_1 .. conv8_3 of the published model, plus our affine norms; counted by hand."""
    with torch.device("meta"):
        network = Zhang16(width=64)
    plan = [(1, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256), (256, 512)]
    plan += [(512, 512)] * 11 + [(256, 256)] * 2
    convs = sum(9 * a * b + b for a, b in plan)
    up, bins = 16 * 512 * 256 + 256, 256 * 313 + 313
    norms = 2 * (64 + 128 + 256 + 4 * 512)
    assert sum(p.numel() for p in network.parameters()) == convs + up + bins + norms


# -- larsson16 -----------------------------------------------------------------------------------------------


def test_polar_targets_share_a_colour_between_two_bins() -> None:
    angle = 2 * math.pi * 5.25 / larsson16.BINS
    ab = 30.0 * torch.tensor([math.cos(angle), math.sin(angle)]).view(1, 2, 1, 1)
    hue, chroma = (histogram.flatten() for histogram in larsson16.polar_targets(ab))
    assert float(hue.sum()) == pytest.approx(1) and float(chroma.sum()) == pytest.approx(1)
    assert hue[5].item() == pytest.approx(0.75, abs=1e-4) and hue[6].item() == pytest.approx(0.25, abs=1e-4)
    assert chroma[7].item() == pytest.approx(0.5, abs=1e-4)  # 30 lies between 28 and 32
    assert chroma[8].item() == pytest.approx(0.5, abs=1e-4)


def test_hue_goes_round_and_chroma_does_not() -> None:
    last = 2 * math.pi * (larsson16.BINS - 0.5) / larsson16.BINS
    ab = 500.0 * torch.tensor([math.cos(last), math.sin(last)]).view(1, 2, 1, 1)
    hue, chroma = (histogram.flatten() for histogram in larsson16.polar_targets(ab))
    assert hue[-1].item() == pytest.approx(0.5, abs=1e-3) and hue[0].item() == pytest.approx(0.5, abs=1e-3)
    assert chroma[-1].item() == 1 and chroma[:-1].sum() == 0


@pytest.mark.parametrize("chroma", [0.0, 3.0, 17.0, 64.5, 110.0])
def test_a_sure_histogram_gives_its_colour_back(chroma: float) -> None:
    angles = np.linspace(0, 2 * np.pi, 9)[:-1] + 0.1
    ab = torch.tensor(np.stack([chroma * np.cos(angles), chroma * np.sin(angles)]), dtype=torch.float32)
    again = larsson16.polar_colours(*larsson16.polar_targets(ab[None, :, None]))[0, :, 0]
    torch.testing.assert_close(again, ab, atol=2.1, rtol=0)  # the median of two bins lies on a bin


def test_median_is_that_of_samples() -> None:
    random = np.random.default_rng(0)
    shares = random.dirichlet(np.full(larsson16.BINS, 0.5))
    step = larsson16.CHROMA_STEP
    samples = step * (np.repeat(np.arange(larsson16.BINS), np.round(200000 * shares).astype(int)))
    samples = samples + step * (random.random(len(samples)) - 0.5)  # a bin is even inside
    found = larsson16.median(torch.tensor(shares, dtype=torch.float32).view(1, -1, 1, 1))
    assert found.item() == pytest.approx(max(0.0, float(np.median(samples))), abs=0.1)


def test_hues_that_disagree_fade() -> None:
    chroma = torch.zeros(1, larsson16.BINS, 1, 1)
    chroma[:, 10] = 1
    opposite = torch.zeros(1, larsson16.BINS, 1, 1)
    opposite[:, 0] = opposite[:, larsson16.BINS // 2] = 0.5
    assert float(larsson16.polar_colours(opposite, chroma).norm()) < 1e-3
    opposite[:, 0] += 0.02  # half of the length at which fading ends
    opposite /= opposite.sum()
    faded = float(larsson16.polar_colours(opposite, chroma).norm())
    sure = torch.zeros_like(opposite)
    sure[:, 0] = 1
    assert 0.3 < faded / float(larsson16.polar_colours(sure, chroma).norm()) < 1


def test_joint_logits_are_a_distribution_over_pairs() -> None:
    network, lightness = network_of("larsson16"), lightness_of(1, 32, 32)
    seen = network.encode(lightness)
    joint = seen.logits.exp()
    torch.testing.assert_close(joint.sum(1), torch.ones_like(joint[:, 0]))
    centers = network.bin_centers.view(larsson16.BINS, larsson16.BINS, 2)
    torch.testing.assert_close(
        centers.norm(dim=-1),
        larsson16.CHROMA_STEP * torch.arange(32.0)[:, None].expand(-1, 32),
        atol=1e-3,
        rtol=0,
    )
    assert not torch.equal(Larsson16(width=1).bin_centers, Iizuka16(width=1).bin_centers)


def test_polar_cross_entropy_by_hand() -> None:
    torch.manual_seed(0)
    hue, chroma = torch.randn(2, 32, 1, 1), torch.randn(2, 32, 1, 1)
    truth = torch.tensor([[20.0, 0.0], [0.0, 0.0]])[:, :, None, None].expand(-1, -1, 4, 4)
    log_hue, log_chroma = hue.log_softmax(1)[..., 0, 0], chroma.log_softmax(1)[..., 0, 0]
    first = -log_chroma[0, 5] - HUE_WEIGHT * 0.2 * log_hue[0, 0]
    second = -log_chroma[1, 0]  # grey has no hue
    found = polar_cross_entropy(hue, chroma, truth)
    torch.testing.assert_close(found, (first + second) / 2)
    weighed = polar_cross_entropy(hue, chroma, truth, weight=torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(weighed, second / 2)


def test_what_is_not_predicted_costs_nothing() -> None:
    examples = Examples(
        torch.zeros(1, 1, 8, 8),
        HintBatch.empty(shape=(8, 8), count=1),
        torch.full((1, 2, 8, 8), 9.0),
        torch.ones(1),
    )
    assert objective(Outputs(), examples, AbBins(), delta=20.0).tolist() == [0, 0, 0]
    assert objective(Outputs(ab=torch.zeros(1, 2, 8, 8)), examples, AbBins(), delta=220.0)[0].item() > 0
