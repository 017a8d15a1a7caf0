"""Learned edit propagation against its formula, written out pixel by pixel."""

import heapq
import itertools
import math
import re
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scenes import asked, bilinear, flowed, only, photo, random_hints, ready

from ipycolorize.gamut import AbBins
from ipycolorize.hint_batch import HintBatch
from ipycolorize.models import propagation as module
from ipycolorize.models import ridge as between
from ipycolorize.models.live import Live
from ipycolorize.training.losses import soft_cross_entropy


def one_hint(*shape, row, col, ab, size=5.0):
    one = torch.ones(1, 1)
    return HintBatch.of_points(row * one, col * one, size * one, torch.tensor([[ab]]), one, shape=shape)


def said_of(network, values):
    """s_k of one hint, of (c_h - auto(h), c_h) / 110."""
    first, last = (
        (layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy())
        for layer in (network.flow.to_say[0], network.flow.to_say[2])
    )
    hidden = np.maximum(first[0] @ values + first[1], 0)
    return 5 * np.tanh(last[0] @ hidden + last[1])


def ranges(lightness):
    """How much L changes in each 4 x 4 cell and on its way to the next: a fraction of 100."""
    reach = np.pad(lightness, (0, 1), mode="edge")
    rows, cols = (side // 4 for side in lightness.shape)
    blocks = [[reach[4 * i : 4 * i + 5, 4 * j : 4 * j + 5] for j in range(cols)] for i in range(rows)]
    return np.array([[np.ptp(block) / 100 for block in row] for row in blocks])


def shortest(cost, start):
    """Dijkstra's algorithm from a cell to all others, eight neighbours."""
    distance = np.full(cost.shape, np.inf)
    distance[start], queue = 0, [(0.0, start)]
    while queue:
        far, (i, j) = heapq.heappop(queue)
        for y, x in itertools.product((i - 1, i, i + 1), (j - 1, j, j + 1)):
            if 0 <= y < cost.shape[0] and 0 <= x < cost.shape[1]:
                length = math.hypot(y - i, x - j)
                new = far + max(length * (cost[i, j] + cost[y, x]) / 2, 1e-6)
                if new < distance[y, x] and (y, x) != (i, j):
                    distance[y, x] = new
                    heapq.heappush(queue, (new, (y, x)))
    return distance


def propagate_plainly(network, lightness, hints):
    """The formula of the module's docstring in float64: ab / 110 (N, 2, H', W') and w (N, K, H', W').

    L has sides divisible by 32. One softmax over all heads, hints and the null; distances in units of the
    side of a square as large as the picture; a hint's weight multiplies the exponential.
    """
    deep, quarter = network.encoder(lightness)
    factor, hidden = network.to_cost(quarter).double().numpy().swapaxes(0, 1)
    dear = network.flow.way().double().numpy()
    gates, vectors, autos, gains = (
        layer(deep).double().numpy()
        for layer in (network.to_gates, network.to_embedding, network.to_auto, network.to_gain)
    )
    gains = np.exp(2 * np.tanh(gains))
    rows, cols = deep.shape[2:]
    side = math.sqrt(rows * cols)
    count, points = hints.row.shape
    copied = 1 / (1 + 0.4 / 0.6 * math.exp(-10 * network.flow.copied.item()))
    sharpness = (network.flow.base_sharpness + module.SPEED * network.flow.log_sharpness).exp().tolist()
    reach = (network.flow.base_reach + module.SPEED * network.flow.log_reach).exp().tolist()
    out = autos.copy()
    shares = np.zeros((count, points, rows, cols))
    for n in range(count):
        auto, null, bias = autos[n], gates[n, 0], gates[n, 1:]
        lit = lightness[n, 0].double().numpy()
        change = ranges(lit)
        border = np.maximum(change - 0.1, 0) + 60 * np.maximum(change - 0.5, 0) ** 2
        cost = np.exp(2 * np.tanh(factor[n])) * border + np.log1p(np.exp(hidden[n]))
        embedding = vectors[n].reshape(len(reach), -1, rows, cols)
        embedding = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
        places = [
            ((r + 0.5) / 2 - 0.5, (c + 0.5) / 2 - 0.5)
            for r, c in zip(hints.row[n].tolist(), hints.col[n].tolist(), strict=True)
        ]
        colours = hints.ab[n].double().numpy() / 110
        said = np.array([
            said_of(network, np.concatenate([colour - bilinear(auto, r, c), colour]))
            for colour, (r, c) in zip(colours, places, strict=True)
        ])  # fmt: skip
        ways = [
            shortest(cost, (int((r + 0.5) // 4), int((c + 0.5) // 4)))
            for r, c in zip(hints.row[n].tolist(), hints.col[n].tolist(), strict=True)
        ]
        for i in range(rows):
            for j in range(cols):
                exps, total = np.zeros(points), math.exp(null[i, j])
                for h, (r, c) in enumerate(places):
                    for k in range(len(reach)):
                        there = bilinear(embedding[k], r, c)
                        alike = embedding[k][:, i, j] @ there / np.linalg.norm(there) - 1
                        far = ((i - r) ** 2 + (j - c) ** 2) / side**2
                        way = dear[k] * bilinear(ways[h][None], (i + 0.5) / 2 - 0.5, (j + 0.5) / 2 - 0.5)[0]
                        logit = sharpness[k] * alike - reach[k] * far - way + bias[k, i, j] + said[h, k]
                        exps[h] += hints.weight[n, h].item() * math.exp(logit)
                total += exps.sum()
                for h, (r, c) in enumerate(places):
                    shares[n, h, i, j] = exps[h] / total
                    colour = hints.ab[n, h].double().numpy() / 110
                    turn = gains[n, :, i, j] * (colour - bilinear(auto, r, c)) / bilinear(gains[n], r, c)
                    step = copied * (colour - auto[:, i, j]) + (1 - copied) * turn
                    out[n, :, i, j] += exps[h] / total * step
        own = [
            (int((r + 0.5) // 2), int((c + 0.5) // 2))
            for r, c in zip(hints.row[n], hints.col[n], strict=True)
        ]
        lack = colours - np.array([out[n, :, r, c] for r, c in own])
        weights = np.array([shares[n, :, r, c] for r, c in own])  # place, hint
        counted = (hints.weight[n].double().numpy() > 0)[:, None]
        weights, lack = weights * counted, lack * counted
        extra = np.linalg.solve(weights.T @ weights + between.RIDGE * np.eye(points), weights.T @ lack)
        out[n] += np.einsum("hij,hc->cij", shares[n], extra)
    return out, shares


# --- the formula -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("heads", [1, 2, 4])
@torch.inference_mode()
def test_propagation_equals_the_formula(make_live, heads):
    network = make_live(heads=heads)
    network.flow.log_sharpness.copy_(torch.linspace(-0.1, 0.1, heads))
    network.flow.log_reach.copy_(torch.linspace(0.1, -0.1, heads))
    network.flow.copied.fill_(-0.1)
    lightness = photo(32, 64, count=2)
    features = network.encode(lightness)
    hints = random_hints(32, 64, points=5, count=2, weight=[1.0, 0.5, 0.0, 1.0, 0.01])
    expected, shares = propagate_plainly(network, lightness, hints)
    np.testing.assert_allclose(network.propagate(features, hints), expected, atol=2e-5)
    np.testing.assert_allclose(network.weights(features, hints), shares, atol=2e-5)
    assert 0.01 < shares.sum(1).mean() < 0.95  # neither hints nor null have it all


@torch.inference_mode()
def test_the_tail_trusts_revealed_pixels_and_adds_a_residual(tiny):
    """t, r and k come from three convolutions to which the four pixels of a block are channels."""
    lightness, hints = photo(32, 64), random_hints(32, 64, points=4)
    features = tiny.encode(lightness)
    ab = F.interpolate(tiny.propagate(features, hints), size=(32, 64), mode="bilinear", align_corners=False)
    gap = torch.where(hints.mask > 0, hints.raster / 110 - ab, torch.zeros(()))
    tail, coarse, norm = tiny.tail, tiny.propagate(features, hints), (lightness - 50) / 50

    def parts(image):
        """(1, C, 32, 64) -> (1, 4 C, 16, 32): of each channel top left, top right, bottom left and right."""
        blocks = image.view(1, -1, 16, 2, 32, 2).permute(0, 1, 3, 5, 2, 4)
        return blocks.reshape(1, -1, 16, 32)

    def whole(image):
        return image.view(1, -1, 2, 2, 16, 32).permute(0, 1, 4, 2, 5, 3).reshape(1, -1, 32, 64)

    seen = tail.read(torch.cat([coarse, parts(gap), parts(hints.mask)], 1)) + tail.see(parts(norm))
    out = tail.out(tail.mid(seen.relu()).relu())
    trust, rest = 1 / (1 + (-whole(out[:, :4])).exp()), 0.1 * whole(out[:, 4:12])
    smooth = F.interpolate(F.avg_pool2d(norm, 2), size=(32, 64), mode="bilinear")
    rest = rest + out[:, 12:].repeat_interleave(2, 2).repeat_interleave(2, 3) * (norm - smooth)
    torch.testing.assert_close(
        tiny._tail(features, coarse, hints),
        ab + trust * gap + (1 - hints.mask * trust) * rest,
        atol=1e-5,
        rtol=0,
    )
    assert rest.abs().max() > 1e-3


@torch.inference_mode()
def test_without_hints_the_automatic_colour_stays(tiny):
    features = ready(tiny, 32, 64)
    assert torch.equal(tiny.propagate(features, HintBatch.empty(shape=(32, 64))), features.auto)
    prediction = tiny.decode(features, HintBatch.empty(shape=(32, 64)))
    torch.testing.assert_close(prediction.logits, features.logits)


@torch.inference_mode()
def test_hints_of_weight_zero_are_as_none(tiny):
    features = ready(tiny, 32, 64)
    none = tiny.decode(features, HintBatch.empty(shape=(32, 64)))
    padded = tiny.decode(features, random_hints(32, 64, points=3, weight=[0.0, 0.0, 0.0]))
    torch.testing.assert_close(padded.ab, none.ab)
    torch.testing.assert_close(padded.logits.softmax(1), none.logits.softmax(1), atol=1e-5, rtol=0)
    five = random_hints(32, 64, points=5, weight=[1.0, 1.0, 0.0, 0.0, 0.0])
    two = HintBatch.of_points(
        *(value[:, :2] for value in (five.row, five.col, five.size, five.ab, five.weight)), shape=(32, 64)
    )
    torch.testing.assert_close(
        tiny.decode(features, five).ab, tiny.decode(features, two).ab, atol=1e-3, rtol=0
    )


@torch.inference_mode()
def test_two_hints_of_half_weight_are_one(tiny):
    features, one = ready(tiny, 32, 64), random_hints(32, 64, points=3)
    values = [torch.cat([value, value], 1) for value in (one.row, one.col, one.size, one.ab, one.weight / 2)]
    twice = HintBatch.of_points(*values, shape=(32, 64))
    torch.testing.assert_close(
        tiny.propagate(features, twice), tiny.propagate(features, one), atol=1e-5, rtol=0
    )


@torch.inference_mode()
def test_the_order_of_distant_hints_does_not_matter(tiny):
    features, hints = ready(tiny, 32, 64), random_hints(32, 64, points=4, size=1.0)
    values = [value.flip(1) for value in (hints.row, hints.col, hints.size, hints.ab, hints.weight)]
    turned = HintBatch.of_points(*values, shape=(32, 64))
    torch.testing.assert_close(
        tiny.decode(features, turned).ab, tiny.decode(features, hints).ab, atol=1e-3, rtol=0
    )


@torch.inference_mode()
def test_shares_are_between_nothing_and_everything(tiny, first_round):
    features, hints = ready(tiny, 32, 64, count=2), random_hints(32, 64, points=40, count=2)
    shares = tiny.weights(features, hints)
    assert shares.shape == (2, 40, 16, 32)
    assert shares.min() >= 0
    assert shares.sum(1).max() <= 1 + 1e-5
    torch.testing.assert_close(
        flowed(tiny, features, hints), tiny.propagate(features, hints), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("chunk", [1, 300, 5000])
@torch.inference_mode()
def test_chunks_do_not_show(tiny, first_round, exact_ways, monkeypatch, chunk):
    features, hints = ready(tiny, 64, 64, count=2), random_hints(64, 64, points=7, count=2)
    whole = tiny.propagate(features, hints)
    tiny.flow.train()  # all at once
    torch.testing.assert_close(tiny.propagate(features, hints), whole)
    tiny.flow.eval()
    monkeypatch.setattr(module, "CHUNK", chunk)
    torch.testing.assert_close(tiny.propagate(features, hints), whole)


@torch.inference_mode()
def test_large_logits_do_not_overflow(tiny):
    tiny.to_gates.bias.copy_(torch.tensor([-300.0, 200.0, 200.0, 200.0, 200.0]))
    features, hints = ready(tiny, 32, 32), random_hints(32, 32, points=3)
    assert torch.isfinite(tiny.propagate(features, hints)).all()
    torch.testing.assert_close(tiny.weights(features, hints).sum(1), torch.ones(1, 16, 16))


@torch.inference_mode()
def test_what_is_missing_at_the_hints_flows_until_it_is_there(tiny, monkeypatch):
    """The weaker the ridge, the nearer all hints' own pixels come to their colours."""
    features, hints = ready(tiny, 64, 64), random_hints(64, 64, points=6)
    own = [
        (int((r + 0.5) // 2), int((c + 0.5) // 2)) for r, c in zip(hints.row[0], hints.col[0], strict=True)
    ]
    missed = []
    monkeypatch.setattr(between, "ROUNDS", 200)
    for ridge in (1e6, 1.0, 0.02, 1e-6):
        monkeypatch.setattr(between, "RIDGE", ridge)
        ab = 110 * tiny.propagate(features, hints)
        here = torch.stack([ab[0, :, row, col] for row, col in own])
        missed.append((here - hints.ab[0]).norm(dim=1))
    assert all((later.norm() < earlier.norm()) for earlier, later in pairwise(missed))
    assert missed[0].max() > 5 * missed[-1].max()


# --- what a person sees ------------------------------------------------------------------------------------


@pytest.mark.parametrize("answers", [False, True])
@torch.inference_mode()
def test_a_hint_moves_its_pixel_towards_its_colour(make_live, answers):
    network = make_live(answers=answers)
    features = ready(network, 37, 51)
    before = network.decode(features, HintBatch.empty(shape=(37, 51))).ab
    for row, col in ((0, 0), (36, 50), (20, 30)):
        for ab in ((60.0, -40.0), (-50.0, 50.0)):
            after = network.decode(features, one_hint(37, 51, row=row, col=col, ab=ab)).ab
            truth = torch.tensor(ab)
            distance = (after[0, :, row, col] - truth).norm()
            assert distance < 0.5 * (before[0, :, row, col] - truth).norm()
            # and the place of largest change is in the patch or next to it
            change = (after - before).norm(dim=1)[0]
            far = change[(torch.arange(37)[:, None] - row).abs().maximum((torch.arange(51) - col).abs()) > 4]
            assert far.max() <= change.max()
            assert change[row, col] > 0.5 * change.max()


@torch.inference_mode()
def test_everything_revealed_comes_back_but_for_the_initial_trust(make_live):
    """Untrained, r = 0 and t = sigmoid(3) = 0.953: what is exact is that this share of the gap closes."""
    network = make_live(answers=False)
    features = ready(network, 64, 96)
    truth = F.interpolate(torch.randn(1, 2, 8, 12), size=(64, 96), mode="bilinear") * 30
    hints = HintBatch.revealed(truth)
    out = network.decode(features, hints).ab
    flowed = 110 * F.interpolate(network.propagate(features, hints), size=(64, 96), mode="bilinear")
    left = 1 - 1 / (1 + math.exp(-3))
    torch.testing.assert_close(out - truth, left * (flowed - truth), atol=1e-3, rtol=0)
    assert (out - truth).abs().mean() < 0.05 * truth.abs().mean()


@pytest.mark.parametrize("shape", [(37, 51), (1, 1), (8, 33), (32, 64)])
@torch.inference_mode()
def test_any_size_comes_back(tiny, shape):
    prediction = tiny.decode(ready(tiny, *shape), random_hints(*shape, points=2))
    assert prediction.ab.shape == (1, 2, *shape)
    assert prediction.logits.shape == (1, 313, math.ceil(shape[0] / 4), math.ceil(shape[1] / 4))
    outputs = tiny(photo(*shape), random_hints(*shape, points=2))
    ab, logits = outputs.ab, outputs.logits
    assert ab.shape == (1, 2, *shape)
    assert logits.shape == prediction.logits.shape


@torch.inference_mode()
def test_an_odd_size_is_the_corner_of_its_padded_picture(tiny):
    lightness = photo(37, 51)
    padded = F.pad(lightness, (0, 13, 0, 27), mode="replicate")  # to 64 x 64
    hints = random_hints(37, 51, points=4, size=1.0)
    values = (hints.row, hints.col, hints.size, hints.ab, hints.weight)
    large = tiny.decode(tiny.encode(padded), HintBatch.of_points(*values, shape=(64, 64)))
    out = tiny.decode(tiny.encode(lightness), hints)
    # the tail's three convolutions see 2 + 1 pixels over the border
    torch.testing.assert_close(out.ab[..., :34, :48], large.ab[..., :34, :48], atol=1e-3, rtol=0)
    torch.testing.assert_close(out.logits, large.logits[..., :10, :13])


@torch.inference_mode()
def test_one_encoding_serves_many_decodings(tiny):
    lightness = photo(64, 64)
    features = tiny.encode(lightness)
    sets = [random_hints(64, 64, points=k, seed=k) for k in (1, 5, 3)]
    for hints in (*sets, HintBatch.empty(shape=(64, 64)), sets[0]):
        torch.testing.assert_close(tiny.decode(features, hints).ab, tiny(lightness, hints).ab)


@torch.inference_mode()
def test_pictures_of_a_batch_do_not_mix(tiny):
    lightness, hints = photo(32, 64, count=3), random_hints(32, 64, points=4, count=3)
    together = tiny.decode(tiny.encode(lightness), hints)
    for n in range(3):
        alone = tiny.decode(tiny.encode(lightness[n : n + 1]), only(hints, n))
        torch.testing.assert_close(together.ab[n], alone.ab[0], atol=1e-3, rtol=0)
        torch.testing.assert_close(together.logits[n], alone.logits[0], atol=1e-3, rtol=1e-3)


# --- the distribution --------------------------------------------------------------------------------------


@torch.inference_mode()
def test_the_distribution_is_the_mixture_of_the_shares(tiny):
    features, hints = ready(tiny, 32, 64, count=2), random_hints(32, 64, points=4, count=2)
    found = tiny.decode(features, hints).logits.exp()
    torch.testing.assert_close(found.sum(1), torch.ones(2, 8, 16), atol=1e-4, rtol=0)
    shares = tiny.weights(features, hints)
    shares = shares.unflatten(3, (16, 2)).unflatten(2, (8, 2)).mean((3, 5))  # (N, K, 8, 16)
    bins = AbBins()
    for n in range(2):
        soft = bins.encode(hints.ab[n].T[None, :, :, None])[0, :, :, 0]  # (313, K)
        expected = (1 - shares[n].sum(0)) * features.logits[n].softmax(0)
        expected = expected + torch.einsum("qk,khw->qhw", soft, shares[n])
        torch.testing.assert_close(found[n], expected, atol=1e-5, rtol=0)


@torch.inference_mode()
def test_the_distribution_moves_to_a_hint_where_the_hint_is(tiny):
    shape = (37, 51)
    features, bins = ready(tiny, *shape), AbBins()
    tiny.to_gates.bias[0] = -4.0  # as a new network has it
    before = bins.mean(tiny.decode(features, HintBatch.empty(shape=shape)).logits.softmax(1))
    for row, col in ((34, 49), (2, 2), (20, 48)):
        hint = torch.tensor([60.0, -40.0])
        after = bins.mean(
            tiny.decode(features, one_hint(*shape, row=row, col=col, ab=(60.0, -40.0))).logits.softmax(1)
        )
        nearer = (before - hint.view(1, 2, 1, 1)).norm(dim=1) - (after - hint.view(1, 2, 1, 1)).norm(dim=1)
        assert nearer[0, row // 4, col // 4] > 5
        assert nearer[0, row // 4, col // 4] > 0.6 * nearer.max()


def parts(names):
    """What parameters belong to: "encoder", "conditioning.surer"."""
    return {re.match(r"((flow|conditioning)\.)?\w+", name)[0] for name in names}


def taught(network):
    every = network.named_parameters()
    return parts(name for name, value in every if value.grad is not None and value.grad.any())


@pytest.mark.parametrize("told", [False, True])
def test_cross_entropy_teaches_its_own_head_and_the_encoder(tiny, told):
    """Under global hints, also how decided the distribution shall be."""
    tiny.train()
    hints = random_hints(64, 64, points=3, count=2)
    logits = tiny(photo(64, 64, count=2), hints, global_hints=asked(2) if told else None).logits
    soft_cross_entropy(logits, torch.zeros(2, 2, 64, 64), AbBins()).backward()
    assert taught(tiny) == {"to_logits", "encoder"} | ({"conditioning.decided"} if told else set())


@pytest.mark.parametrize("told", [False, True])
def test_the_colours_teach_everything_else(tiny, told):
    """Under global hints the distribution shapes the colours, and so these teach it as well."""
    tiny.train()
    hints = random_hints(64, 64, points=3, count=2)
    ab = tiny(photo(64, 64, count=2), hints, global_hints=asked(2) if told else None).ab
    ab.square().mean().backward()
    every = parts(name for name, _ in tiny.named_parameters())
    others = set() if told else {"to_logits", "conditioning.decided", "conditioning.surer"}
    assert taught(tiny) == every - others


def test_the_automatic_colours_are_those_without_hints_before_the_tail(tiny):
    lightness = photo(64, 64, count=2)
    with torch.inference_mode():
        outputs = tiny(lightness, random_hints(64, 64, points=3, count=2))
        features = tiny.encode(lightness)
        nothing = tiny.propagate(features, HintBatch.empty(shape=(64, 64), count=2))
    torch.testing.assert_close(outputs.auto, nothing * module.AB_SCALE)


def test_learning_from_pictures_with_different_numbers_of_hints_is_learning_from_each(
    tiny, first_round, exact_ways
):
    """In training they are sorted into buckets; the answer must not show it."""
    counts = torch.tensor([3, 0, 40, 9, 1, 150])
    hints = random_hints(64, 64, points=150, count=6)
    weight = (torch.arange(150) < counts[:, None]).float()
    hints = HintBatch.of_points(hints.row, hints.col, hints.size, hints.ab, weight, shape=(64, 64))
    with torch.inference_mode():
        features = tiny.encode(photo(64, 64, count=6))
        whole = tiny.propagate(features, hints)
        tiny.flow.train()
        torch.testing.assert_close(tiny.propagate(features, hints), whole, atol=1e-5, rtol=1e-4)


# --- what is remembered ------------------------------------------------------------------------------------


@torch.inference_mode()
@pytest.mark.parametrize("points", [5, 70])
def test_remembered_sums_never_show(tiny, points):
    """Whatever was decoded before with the same features: moved, recoloured, weakened, fewer, more hints."""
    lightness, generator = photo(48, 64), torch.Generator().manual_seed(1)
    features = tiny.encode(lightness)
    hints = random_hints(48, 64, points=points)
    for change in ("row", "col", "ab", "weight", "fewer", "more", "same"):
        fields = {name: getattr(hints, name).clone() for name in ("row", "col", "size", "ab", "weight")}
        if change == "fewer":
            fields = {name: torch.cat([value[:, :2], value[:, 3:]], 1) for name, value in fields.items()}
        elif change == "more":
            fields = {name: torch.cat([value, value[:, 1:2] * 0.5], 1) for name, value in fields.items()}
        elif change != "same":
            fields[change][:, points // 2] = torch.rand((), generator=generator)
        hints = HintBatch.of_points(*fields.values(), shape=(48, 64))
        fresh = tiny.decode(tiny.encode(lightness), hints).ab
        assert torch.equal(tiny.decode(features, hints).ab, fresh), change


@torch.inference_mode()
def test_an_edit_among_many_computes_its_own_block_only(tiny, monkeypatch):
    features, hints = tiny.encode(photo(64, 64)), random_hints(64, 64, points=100)
    computed = []
    real = tiny.flow.keys
    monkeypatch.setattr(
        tiny.flow, "keys", lambda f, block: computed.append(block.row.shape[1]) or real(f, block)
    )
    tiny.decode(features, hints)
    assert computed == [32, 32, 32, 4]
    hints.row[0, 40] += 3
    tiny.decode(features, hints)
    assert computed[4:] == [32]


def test_gradients_survive_an_example_without_hints(tiny):
    tiny.train()
    hints = random_hints(64, 64, points=3, count=2)
    weight = torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    hints = HintBatch.of_points(hints.row, hints.col, hints.size, hints.ab, weight, shape=(64, 64))
    tiny(photo(64, 64, count=2), hints).ab.square().mean().backward()
    assert all(torch.isfinite(value.grad).all() for value in tiny.parameters() if value.grad is not None)


def test_the_config_builds_the_same_network(tiny):
    again = Live(**tiny.config).eval()
    again.load_state_dict(tiny.state_dict())
    lightness, hints = photo(32, 32), random_hints(32, 32, points=2)
    with torch.inference_mode():
        assert torch.equal(again(lightness, hints).ab, tiny(lightness, hints).ab)
