"""Photographs, points and statistics for tests of networks."""

import torch
import torch.nn.functional as F

from ipycolorize.global_hints import GlobalHints
from ipycolorize.hint_batch import HintBatch


def photo(*shape, count=1, seed=1):
    """L of smooth blobs: neighbours are alike, far places are not."""
    draw = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 1, 5, 6, generator=draw)
    return F.interpolate(coarse, size=shape, mode="bilinear") * 100


def random_hints(*shape, points, count=1, seed=2, weight=None, size=3.0):
    draw = torch.Generator().manual_seed(seed)
    row = torch.rand(count, points, generator=draw) * (shape[0] - 1)
    col = torch.rand(count, points, generator=draw) * (shape[1] - 1)
    ab = torch.rand(count, points, 2, generator=draw) * 160 - 80
    weight = torch.ones(count, points) if weight is None else torch.tensor(weight).expand(count, -1)
    return HintBatch.of_points(row, col, torch.full_like(row, size), ab, weight, shape=shape)


def bilinear(image, row, col):
    """(C, h, w) array at a fractional place in units of its pixels, the border's values going on outside."""
    height, width = image.shape[1:]
    row, col = min(max(row, 0), height - 1), min(max(col, 0), width - 1)
    top, left = min(int(row), height - 2), min(int(col), width - 2)
    down, right = row - top, col - left
    return (
        (1 - down) * (1 - right) * image[:, top, left]
        + (1 - down) * right * image[:, top, left + 1]
        + down * (1 - right) * image[:, top + 1, left]
        + down * right * image[:, top + 1, left + 1]
    )


def asked(count=1, *, histogram=True, saturation=True, seed=5):
    """Statistics of pictures of a few colours."""
    ab = torch.randn(count, 2, 3, 3, generator=torch.Generator().manual_seed(seed)) * 25
    lab = torch.cat([photo(36, 36, count=count), F.interpolate(ab, size=(36, 36), mode="bilinear")], 1)
    return GlobalHints.of_pictures(lab).given(histogram=histogram, saturation=saturation)


def only(value, n):
    """The n-th picture of a batch of hints."""
    fields = {name: field for name, field in vars(value).items() if field is not None}
    return type(value)(**{name: field[n : n + 1] for name, field in fields.items()})


def ready(network, *shape, count=1):
    with torch.inference_mode():
        return network.encode(photo(*shape, count=count))


def flowed(network, features, hints):
    """What `Live` makes of its own weights w(x, h): ab (N, 2, H', W'), normalised."""
    shares = network.weights(features, hints)
    colour = hints.ab.transpose(1, 2) / 110
    step = colour - network.flow.at(features.auto, features, hints)
    turned = features.gain * torch.einsum(
        "nkhw,nck->nchw", shares, step / network.flow.at(features.gain, features, hints)
    )
    copied = torch.einsum("nkhw,nck->nchw", shares, colour) - shares.sum(1, keepdim=True) * features.auto
    z = 1 / (1 + 0.4 / 0.6 * torch.exp(-10 * network.flow.copied))
    return features.auto + z * copied + (1 - z) * turned
