from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import Tensor, nn

from ipycolorize.global_hints import GlobalHints
from ipycolorize.hint_batch import HintBatch
from ipycolorize.models.published import published_to_ours
from ipycolorize.models.siggraph17 import SIGGRAPH17


def make(**config) -> SIGGRAPH17:
    """A small network whose output is not nearly zero, as that of a new one is."""
    torch.manual_seed(0)
    network = SIGGRAPH17(**{"width": 8, **config}).eval()
    nn.init.normal_(network.out.weight, std=0.1)
    return network


def photo(*shape: int, count: int = 1) -> Tensor:
    return torch.rand(count, 1, *shape, generator=torch.Generator().manual_seed(1)) * 100


def one_hint(*shape: int, row: float, col: float, ab: tuple[float, float], size: float = 5) -> HintBatch:
    one = torch.ones(1, 1)
    return HintBatch.of_points(row * one, col * one, size * one, torch.tensor([[ab]]), one, shape=shape)


# The published layout, written down independently of the package: names, channels and order as in the
# authors' files. It is the oracle for the key map, and its state dict stands in for theirs.


def published_network() -> nn.ModuleDict:
    def chain(*layers: nn.Module) -> nn.Sequential:
        return nn.Sequential(*layers)

    def conv(a: int, b: int, dilation: int = 1) -> nn.Conv2d:
        return nn.Conv2d(a, b, kernel_size=3, padding=dilation, dilation=dilation)

    def up(a: int, b: int) -> nn.Sequential:
        return chain(nn.ConvTranspose2d(a, b, kernel_size=4, stride=2, padding=1))

    def three(a: int, b: int, dilation: int = 1) -> nn.Sequential:
        return chain(
            conv(a, b, dilation),
            nn.ReLU(),
            conv(b, b, dilation),
            nn.ReLU(),
            conv(b, b, dilation),
            nn.ReLU(),
            nn.BatchNorm2d(b),
        )

    relu = nn.ReLU
    return nn.ModuleDict(
        {
            "model1": chain(conv(4, 64), relu(), conv(64, 64), relu(), nn.BatchNorm2d(64)),
            "model2": chain(conv(64, 128), relu(), conv(128, 128), relu(), nn.BatchNorm2d(128)),
            "model3": three(128, 256),
            "model4": three(256, 512),
            "model5": three(512, 512, dilation=2),
            "model6": three(512, 512, dilation=2),
            "model7": three(512, 512),
            "model8up": up(512, 256),
            "model3short8": chain(conv(256, 256)),
            "model8": chain(relu(), conv(256, 256), relu(), conv(256, 256), relu(), nn.BatchNorm2d(256)),
            "model9up": up(256, 128),
            "model2short9": chain(conv(128, 128)),
            "model9": chain(relu(), conv(128, 128), relu(), nn.BatchNorm2d(128)),
            "model10up": up(128, 128),
            "model1short10": chain(conv(64, 128)),
            "model10": chain(relu(), conv(128, 128), nn.LeakyReLU(0.2)),
            "model_class": chain(nn.Conv2d(256, 529, kernel_size=1)),
            "model_out": chain(nn.Conv2d(128, 2, kernel_size=1), nn.Tanh()),
        }
    )


def published_forward(m: nn.ModuleDict, lightness: Tensor, ab: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """L in [0, 100], ab in Lab units, mask as the network wants it; sides are multiples of 8."""
    x1 = m["model1"](torch.cat([(lightness - 50) / 100, ab / 110, mask], dim=1))
    x2 = m["model2"](x1[:, :, ::2, ::2])
    x3 = m["model3"](x2[:, :, ::2, ::2])
    x = m["model4"](x3[:, :, ::2, ::2])
    for name in ("model5", "model6", "model7"):
        x = m[name](x)
    x8 = m["model8"](m["model8up"](x) + m["model3short8"](x3))
    x9 = m["model9"](m["model9up"](x8) + m["model2short9"](x2))
    x10 = m["model10"](m["model10up"](x9) + m["model1short10"](x1))
    return m["model_out"](x10) * 110, m["model_class"](x8)


@pytest.fixture(scope="module")
def published() -> nn.ModuleDict:
    """Random values everywhere, running statistics included."""
    torch.manual_seed(3)
    network = published_network().eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
            nn.init.normal_(module.bias, std=0.1)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, 0.5, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2)
    nn.init.normal_(network["model_out"][0].weight, std=0.01)
    return network


def test_parameters_of_the_published_layout_are_34_million() -> None:
    count = sum(parameter.numel() for parameter in SIGGRAPH17(head="linear529").parameters())
    assert count == 34_187_027
    assert count == sum(parameter.numel() for parameter in published_network().parameters())


@pytest.mark.parametrize("mask_offset", [0.0, 0.5])
def test_published_weights_give_the_published_network(published: nn.ModuleDict, mask_offset: float) -> None:
    ours = SIGGRAPH17(head="linear529", mask_offset=mask_offset).eval()
    ours.load_state_dict(published_to_ours(published.state_dict()))
    lightness = photo(32, 48)
    hints = one_hint(32, 48, row=10, col=20, ab=(40.0, -60.0))
    with torch.no_grad():
        outputs = ours(lightness, hints)
        ab, logits = outputs.ab, outputs.logits
        expected_ab, expected_logits = published_forward(
            published, lightness, hints.raster, hints.mask - mask_offset
        )
    assert expected_ab.std() > 1  # it would be easy to agree on nothing
    torch.testing.assert_close(ab, expected_ab, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(logits, expected_logits, atol=1e-3, rtol=1e-4)


def test_published_names_are_those_of_the_authors(published: nn.ModuleDict) -> None:
    shapes = {key: tuple(value.shape) for key, value in published.state_dict().items()}
    assert shapes["model1.0.weight"] == (64, 4, 3, 3)
    assert shapes["model1.4.running_mean"] == (64,)
    assert shapes["model8up.0.weight"] == (512, 256, 4, 4)
    assert shapes["model8.5.weight"] == (256,)
    assert shapes["model10.1.weight"] == (128, 128, 3, 3)
    assert shapes["model_class.0.weight"] == (529, 256, 1, 1)
    assert shapes["model_out.0.weight"] == (2, 128, 1, 1)


def test_published_prefix_of_data_parallel_is_dropped(published: nn.ModuleDict) -> None:
    plain = published_to_ours(published.state_dict())
    prefixed = OrderedDict(("module." + key, value) for key, value in published.state_dict().items())
    mapped = published_to_ours(prefixed)
    assert list(mapped) == list(plain)
    assert all(mapped[key] is plain[key] or torch.equal(mapped[key], plain[key]) for key in plain)
    assert next(iter(prefixed)).startswith("module.")  # the argument is left as it was


def test_published_counters_of_batch_norm_may_be_missing(published: nn.ModuleDict) -> None:
    old = {key: value for key, value in published.state_dict().items() if "num_batches" not in key}
    SIGGRAPH17(head="linear529").load_state_dict(published_to_ours(old))


def test_published_missing_key_is_named(published: nn.ModuleDict) -> None:
    state = published.state_dict()
    del state["model3short8.0.bias"]
    with pytest.raises(ValueError, match=r"1 missing \(model3short8\.0\.bias\)"):
        published_to_ours(state)


def test_published_unexpected_key_is_named(published: nn.ModuleDict) -> None:
    with pytest.raises(ValueError, match=r"1 unexpected \(model11\.0\.weight\)"):
        published_to_ours({**published.state_dict(), "model11.0.weight": torch.zeros(1)})


def test_published_other_shape_is_named(published: nn.ModuleDict) -> None:
    state = {**published.state_dict(), "model1.0.weight": torch.zeros(64, 3, 3, 3)}
    with pytest.raises(ValueError, match=r"model1\.0\.weight: \(64, 3, 3, 3\) instead of \(64, 4, 3, 3\)"):
        published_to_ours(state)


@pytest.mark.parametrize("config", [{}, {"head": "linear529"}, {"variant": "global"}])
@pytest.mark.parametrize("shape", [(37, 51), (64, 64), (5, 9), (1, 1)])
def test_output_fits_any_size(config: dict[str, str], shape: tuple[int, int]) -> None:
    network = make(**config)
    with torch.no_grad():
        outputs = network(photo(*shape), HintBatch.empty(shape=shape))
        ab, logits = outputs.ab, outputs.logits
    bins = 529 if config.get("head") == "linear529" else 313
    assert ab.shape == (1, 2, *shape)
    assert logits.shape == (1, bins, -(-shape[0] // 4), -(-shape[1] // 4))
    assert torch.isfinite(ab).all() and torch.isfinite(logits).all()


def test_padding_is_replication_that_is_cropped_again() -> None:
    network = make()
    lightness, hints = photo(37, 51), one_hint(37, 51, row=36, col=50, ab=(30.0, 30.0))

    def grow(image: Tensor) -> Tensor:  # by hand, to 40 x 56
        rows = torch.arange(40).clamp(max=36)
        return image[:, :, rows][:, :, :, torch.arange(56).clamp(max=50)]

    fields = {**vars(hints), "mask": grow(hints.mask), "raster": grow(hints.raster)}
    with torch.no_grad():
        outputs = network(lightness, hints)
        ab, logits = outputs.ab, outputs.logits
        larger = network(grow(lightness), HintBatch(**fields))
    assert torch.equal(ab, larger.ab[:, :, :37, :51])
    assert torch.equal(logits, larger.logits[:, :, :10, :13])


def test_ab_stays_within_the_scale() -> None:
    network = make()
    nn.init.normal_(network.out.weight, std=100)
    with torch.no_grad():
        ab = network(photo(32, 32), HintBatch.empty(shape=(32, 32))).ab
    assert 100 < ab.abs().max() <= 110


def test_no_hints_are_the_same_as_an_empty_raster() -> None:
    network = make()
    features = network.encode(photo(32, 40))
    none = torch.zeros(1, 1)
    weightless = HintBatch.of_points(none, none, none, torch.full((1, 1, 2), 50.0), none, shape=(32, 40))
    with torch.no_grad():
        empty = network.decode(features, HintBatch.empty(shape=(32, 40))).ab
        assert torch.equal(empty, network.decode(features, weightless).ab)


@pytest.mark.parametrize("mask_offset", [0.0, 0.5])
def test_hint_changes_colours_also_when_it_is_grey(mask_offset: float) -> None:
    network = make(mask_offset=mask_offset)
    features = network.encode(photo(32, 32))
    with torch.no_grad():
        empty = network.decode(features, HintBatch.empty(shape=(32, 32))).ab
        grey = network.decode(features, one_hint(32, 32, row=8, col=8, ab=(0.0, 0.0))).ab
        red = network.decode(features, one_hint(32, 32, row=8, col=8, ab=(60.0, 40.0))).ab
    assert not torch.allclose(empty, grey) and not torch.allclose(grey, red)


def test_one_encoding_serves_several_sets_of_hints() -> None:
    network = make()
    one = torch.ones(2, 1)
    ab = torch.tensor([[[60.0, 40.0]], [[-50.0, 20.0]]])
    both = HintBatch.of_points(9 * one, 7 * one, 3 * one, ab, one, shape=(24, 24))
    features = network.encode(photo(24, 24))
    with torch.no_grad():
        together = network.decode(features, both).ab
        for index, colour in enumerate([(60.0, 40.0), (-50.0, 20.0)]):
            alone = network.decode(features, one_hint(24, 24, row=9, col=7, ab=colour, size=3)).ab
            torch.testing.assert_close(together[index : index + 1], alone, atol=1e-3, rtol=1e-4)


def test_hints_of_another_grid_are_refused() -> None:
    network = make()
    with pytest.raises(ValueError, match=r"grid of \(32, 32\), got \(16, 32\)"):
        network(photo(32, 32), HintBatch.empty(shape=(16, 32)))


@pytest.mark.parametrize("head", ["hypercolumn", "linear529"])
def test_head_sends_no_gradient_into_the_main_branch(head: str) -> None:
    network = make(head=head).train()
    logits = network(photo(32, 32, count=2), HintBatch.empty(shape=(32, 32), count=2)).logits
    logits.square().mean().backward()
    touched = {name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None}
    assert touched == {"head"}
    assert all(p.grad.abs().sum() > 0 for p in network.head.parameters())


def test_regression_trains_the_main_branch_and_not_the_head() -> None:
    network = make().train()
    ab = network(photo(32, 32, count=2), HintBatch.empty(shape=(32, 32), count=2)).ab
    ab.square().mean().backward()
    without = {name.split(".")[0] for name, p in network.named_parameters() if p.grad is None}
    assert without == {"head"}


def test_hypercolumn_reads_every_block_up_to_conv8() -> None:
    network = make()
    features = network.encode(photo(32, 32))
    seen = []
    with torch.no_grad():
        before = network.decode(features, HintBatch.empty(shape=(32, 32))).logits
        for tap in network.head.taps:
            kept = tap.weight.clone()
            tap.weight.zero_()
            after = network.decode(features, HintBatch.empty(shape=(32, 32))).logits
            seen.append(not torch.allclose(before, after))
            tap.weight.copy_(kept)
    assert seen == [True] * 8


def test_logits_are_computed_only_when_asked_for() -> None:
    network = make()
    calls = []
    network.head.register_forward_hook(lambda *_: calls.append(1))
    prediction = network.decode(network.encode(photo(16, 16)), HintBatch.empty(shape=(16, 16)))
    assert not calls
    assert prediction.logits is prediction.logits
    assert len(calls) == 1


@pytest.mark.parametrize("width", [4, 16])
def test_width_scales_all_blocks(width: int) -> None:
    network = SIGGRAPH17(width=width)
    assert network.conv1[0].weight.shape == (width, 4, 3, 3)
    assert network.conv7[0].weight.shape == (8 * width, 8 * width, 3, 3)
    assert network.out.weight.shape == (2, 2 * width, 1, 1)


def statistics(
    count: int = 1,
    *,
    bin: int = 0,
    saturation: float = 0.5,
    histogram_given: bool = False,
    saturation_given: bool = False,
) -> GlobalHints:
    histogram = torch.zeros(count, 313)
    histogram[:, bin] = 1
    ones = torch.ones(count)
    told = GlobalHints(histogram, saturation * ones, ones, ones)
    return told.given(histogram=histogram_given, saturation=saturation_given)


def test_global_variant_reacts_to_histogram_and_saturation() -> None:
    network = make(variant="global")
    features, hints = network.encode(photo(32, 32)), HintBatch.empty(shape=(32, 32))

    def ab(told: GlobalHints | None) -> Tensor:
        with torch.no_grad():
            return network.decode(features, hints, global_hints=told).ab

    nothing = ab(None)
    assert torch.equal(nothing, ab(statistics(bin=5)))  # which is not given
    blue = ab(statistics(bin=5, histogram_given=True))
    red = ab(statistics(bin=200, histogram_given=True))
    pale = ab(statistics(saturation=0.1, saturation_given=True))
    vivid = ab(statistics(saturation=0.9, saturation_given=True))
    for one, other in ((nothing, blue), (blue, red), (nothing, pale), (pale, vivid)):
        assert not torch.allclose(one, other)


def test_global_variant_tells_each_picture_its_own() -> None:
    network = make(variant="global")
    told = statistics(2, bin=200, histogram_given=True, saturation_given=True)
    told = told.given(histogram=torch.tensor([1, 0]), saturation=torch.tensor([0, 1]))
    hints = HintBatch.empty(shape=(32, 32), count=2)
    with torch.no_grad():
        together = network(photo(32, 32, count=2), hints, global_hints=told).ab
        for n in range(2):
            mine = GlobalHints(**{name: value[n : n + 1] for name, value in vars(told).items()})
            empty = HintBatch.empty(shape=(32, 32))
            alone = network(photo(32, 32, count=2)[n : n + 1], empty, global_hints=mine).ab
            torch.testing.assert_close(together[n : n + 1], alone, atol=1e-3, rtol=1e-4)


def test_global_hints_are_added_at_conv4_at_every_place() -> None:
    network = make(variant="global").double()
    told = statistics(bin=200, saturation=0.7, histogram_given=True, saturation_given=True)
    seen = []
    network.conv5.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    vector = torch.zeros(316).double()
    vector[[200, 313, 314, 315]] = torch.tensor([1, 1, 0.7, 1]).double()
    with torch.no_grad():
        for global_hints in (None, told):
            network(photo(32, 32).double(), HintBatch.empty(shape=(32, 32)), global_hints=global_hints)
        layers = [layer for layer in network.statistics if isinstance(layer, nn.Conv2d)]
        expected = []
        for value in (torch.zeros(316).double(), vector):
            for layer in layers:
                value = (layer.weight[:, :, 0, 0] @ value + layer.bias).relu()
            expected.append(value)
    found = seen[1] - seen[0]
    assert found.shape == (1, 64, 4, 4)
    torch.testing.assert_close(
        found, (expected[1] - expected[0]).view(1, -1, 1, 1).expand_as(found), atol=1e-6, rtol=1e-5
    )


def test_only_the_global_variant_reads_global_hints() -> None:
    assert SIGGRAPH17(width=1, variant="global").reads_global_hints
    assert not SIGGRAPH17(width=1).reads_global_hints


def test_global_branch_is_four_layers_of_512_at_the_papers_width() -> None:
    with torch.device("meta"):
        layers = SIGGRAPH17(variant="global").statistics
    sizes = [tuple(layer.weight.shape) for layer in layers if isinstance(layer, nn.Conv2d)]
    assert sizes == [(512, 316, 1, 1), *[(512, 512, 1, 1)] * 3]


def test_global_hints_that_do_not_fit_are_refused() -> None:
    hints = HintBatch.empty(shape=(16, 16))
    with pytest.raises(ValueError, match="no global hints: this siggraph17 reads points only; use another"):
        make()(photo(16, 16), hints, global_hints=statistics())
    with pytest.raises(ValueError, match="global hints of 1 pictures, got 2"):
        make(variant="global")(photo(16, 16), hints, global_hints=statistics(2))


@pytest.mark.parametrize("config", [{"variant": "both"}, {"head": "softmax"}])
def test_unknown_variant_or_head_is_refused(config: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="expected a"):
        SIGGRAPH17(**config)


def test_config_rebuilds_the_network() -> None:
    network = make(variant="global", head="linear529", mask_offset=0.5, ab_scale=128.0)
    again = SIGGRAPH17(**network.config)
    again.load_state_dict(network.state_dict())
    assert again.config == network.config
    hints = one_hint(24, 24, row=3, col=4, ab=(20.0, 20.0))
    with torch.no_grad():
        assert torch.equal(again.eval()(photo(24, 24), hints).ab, network(photo(24, 24), hints).ab)


def test_new_network_starts_near_grey_and_without_opinion() -> None:
    torch.manual_seed(0)
    network = SIGGRAPH17(width=8).train()
    with torch.no_grad():
        outputs = network(photo(64, 64, count=2), HintBatch.empty(shape=(64, 64), count=2))
        ab, logits = outputs.ab, outputs.logits
    assert ab.abs().max() < 3
    assert torch.softmax(logits, dim=1).max() < 0.05


def test_a_few_steps_learn_to_copy_revealed_colours() -> None:
    torch.manual_seed(0)
    network = SIGGRAPH17(width=4).train()
    lightness = photo(16, 16, count=2)
    truth = torch.tensor([[40.0, -30.0], [-20.0, 50.0]])[:, :, None, None].expand(-1, -1, 16, 16)
    hints = HintBatch.revealed(truth)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(20):
        ab = network(lightness, hints).ab
        loss = (ab - truth).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
