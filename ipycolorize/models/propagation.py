"""Propagation: hints flow over a photograph along learned similarity (the formula at the head of `live`).

    ab(x) = auto(x) + sum_h w(x, h) [ z (c_h - auto(x)) + (1 - z) g(x) (c_h - auto(h)) / g(h) ]

Sums over hints add up: those of `BLOCK` hints are remembered, so that an edit costs one block.

Such a mean of hints need not give a hint its own colour back: its neighbours and the null have their say. So
what is missing at the hints flows as well, along the same weights:

    ab(x) += sum_h w(x, h) e_h,    e = argmin |W e - d|² + m |e|²,    d_h = c_h - ab(h),    W = w(h, h')

With m = 0 that would be interpolation, and hints that contradict each other side by side, whose rows of W are
nearly equal, would ask for colours that nobody named; the ridge m leaves such a contradiction as it is. All
of it happens between the hints alone; the picture is gone over once. Training does without.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..gamut import NUM_BINS, AbBins
from ..hint_batch import HintBatch
from .features import Features, Known, same
from .geodesic import CELL, Ways, sweep
from .ridge import ridge

AB_SCALE = 110.0  # inside the network, colours are ab / 110
SPEED = 10.0  # how much faster than others single numbers such as the heads' sharpness and reach learn
SAY = 5.0  # the largest |s_k|: a factor of 150 more or less than another hint
TINY = 1e-30  # keeps 0 / 0 away where neither a hint nor the null says anything
FAR = -60.0  # least logit: e^-60 is nothing, and much less would be denormal numbers, which are slow
SPOT_WAY = 6.0  # how much dearer ways are for a spot than for a thing
SPOT_FAR = 60.0  # what a spot pays for a straight way of one side, squared, in the currency of ways
OUTSIDE = 1e3  # what the way out of a region costs
NOTHING = 1e-30  # weight of padding: its logit is 69 below that of a full hint
BUCKETS = (8, 32, 128)  # numbers of hints that share a product while training; see `_learn_to_sum`
COPIED = 0.6  # z before training
WAY = 0.4  # q before training: chosen with weights that had not been trained for it
BLOCK = 32  # hints whose sums are remembered together
CHUNK = 1 << 18  # weights w(x, h) held at a time when not training: 1 MiB, the reach of a core's cache


class Propagation(nn.Module):
    """The weights w(x, h) and what they carry.

    Args:
        heads: of different reach.
        dim: of an embedding.
    """

    base_sharpness: Tensor
    base_reach: Tensor
    base_copied: Tensor
    base_way: Tensor

    def __init__(self, *, heads: int, dim: int) -> None:
        super().__init__()
        self.heads, self.dim = heads, dim
        # Sharpness and reach of the heads, in logarithms scaled so that they learn as fast as the rest
        # (`SPEED`).
        self.log_sharpness = nn.Parameter(torch.zeros(heads))
        self.log_reach = nn.Parameter(torch.zeros(heads))
        self.register_buffer("base_sharpness", torch.full((heads,), 16.0).log(), persistent=False)
        self.register_buffer(
            "base_reach", torch.tensor([7.0 * 5.5**k for k in range(heads)]).log(), persistent=False
        )
        self.log_way = nn.Parameter(torch.zeros(heads))  # of q, likewise
        self.register_buffer("base_way", torch.full((heads,), WAY).log(), persistent=False)
        self.copied = nn.Parameter(torch.zeros(()))
        self.register_buffer("base_copied", torch.tensor(COPIED).logit(), persistent=False)
        self.to_say = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, heads))  # s_k
        for parameter in self.to_say[2].parameters():
            nn.init.zeros_(parameter)

    def reach(self) -> tuple[Tensor, Tensor]:
        """T and r of the heads, ``(heads,)`` each."""
        sharpness = self.base_sharpness + SPEED * self.log_sharpness
        return sharpness.exp(), (self.base_reach + SPEED * self.log_reach).exp()

    def way(self) -> Tensor:
        """Heads' q, what a way costs: ``(heads,)``."""
        return (self.base_way + SPEED * self.log_way).exp()

    def distances(self, features: Features, hints: HintBatch) -> Tensor:
        """D(x, h) at a quarter of the resolution: ``(N, K, h, w)``; 0 for padding."""
        rows, cols = features.cost.shape[-2:]
        row = ((hints.row + 0.5) / CELL).long().clamp(0, rows - 1)
        col = ((hints.col + 0.5) / CELL).long().clamp(0, cols - 1)
        counted = hints.weight > 0
        out = features.cost.new_zeros(*hints.row.shape, rows, cols)
        if self.training:
            picture, number = counted.nonzero(as_tuple=True)
            if len(picture):
                found = sweep(features.cost, picture, row[picture, number], col[picture, number])
                out = out.index_put((picture, number), found)
            return out
        cells = (row * cols + col).tolist()
        for image, (ours, real) in enumerate(zip(cells, counted.tolist(), strict=True)):
            here = [number for number, is_real in enumerate(real) if is_real]
            if here:
                if image not in features.ways:
                    features.ways[image] = Ways(features.cost[image])
                found = features.ways[image].distance([ours[number] for number in here])
                out[image, here] = found.to(out)
        return out

    def ways(self, features: Features, hints: HintBatch) -> Tensor:
        """What ways cost, before the heads' q, at half resolution: ``(N, K, P)``.

        A hint of more reach pays less for its way; a spot pays more, and for the straight distance as well;
        outside its region nothing is near enough.
        """
        distance = self.distances(features, hints)
        if hints.reach is not None:
            less, more = (2 - 2 * hints.reach).clamp(max=1), (1 - 2 * hints.reach).clamp(min=0)
            distance = (less + SPOT_WAY * more)[..., None, None] * distance
            distance = distance + SPOT_FAR * more[..., None, None] * self._straight(features, hints)
        if distance.shape[1] == 0:
            return distance.new_zeros(len(distance), 0, math.prod(features.grid))
        half = F.interpolate(distance, scale_factor=2, mode="bilinear")
        if hints.region is not None:
            rows, cols = (2 * side for side in features.grid)
            grow = (0, cols - hints.region.shape[-1], 0, rows - hints.region.shape[-2])
            inside = F.avg_pool2d(F.pad(hints.region.to(half), grow, mode="replicate"), 2)
            half = half.masked_fill(inside < 0.5, OUTSIDE)
        return half.flatten(2)

    @staticmethod
    def _straight(features: Features, hints: HintBatch) -> Tensor:
        """|x - h|² at a quarter of the resolution, in units of the side: ``(N, K, h, w)``."""
        rows, cols = features.cost.shape[-2:]
        side = math.sqrt(rows * cols)
        down = (
            torch.arange(rows, device=hints.row.device) + 0.5 - ((hints.row + 0.5) / CELL)[..., None]
        ) / side
        right = (
            torch.arange(cols, device=hints.row.device) + 0.5 - ((hints.col + 0.5) / CELL)[..., None]
        ) / side
        return down.square()[..., :, None] + right.square()[..., None, :]

    def queries(self, embedding: Tensor, bias: Tensor, grid: tuple[int, int]) -> Tensor:
        """``(N, heads, P, D + 5)``, so that one product with `keys` gives every logit.

        T (e.e' - 1) - r |x - h|² + b + s + log weight
            = [T e, 2 r x, b - T - r |x|², -r, 1] . [e', h, 1, |h|², s + log weight]
        """
        sharpness, reach = (value.view(1, -1, 1, 1) for value in self.reach())
        side = math.sqrt(grid[0] * grid[1])
        y = (torch.arange(grid[0], device=bias.device) + 0.5) / side
        x = (torch.arange(grid[1], device=bias.device) + 0.5) / side
        place = torch.stack(torch.meshgrid(y, x, indexing="ij"), dim=-1).view(1, 1, -1, 2)
        constant = bias[..., None] - sharpness - reach * place.square().sum(-1, keepdim=True)
        parts = [
            sharpness * embedding.transpose(2, 3),
            (2 * reach * place).expand(len(bias), -1, -1, -1),
            constant,
            -reach.expand_as(constant),
            torch.ones_like(constant),
        ]
        return torch.cat(parts, dim=-1)

    def at(self, image: Tensor, features: Features, hints: HintBatch) -> Tensor:
        """Read maps ``(N, C, H', W')`` at the hints, bilinearly: ``(N, C, K)``."""
        rows, cols = features.grid
        # pixel r of full resolution lies at (r + .5) / 2 of half resolution; -1..1 spans the borders
        x = (hints.col + 0.5) / cols - 1
        y = (hints.row + 0.5) / rows - 1
        grid = torch.stack([x, y], dim=-1)[:, None]  # (N, 1, K, 2)
        return F.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)[
            :, :, 0
        ]

    def keys(self, features: Features, hints: HintBatch) -> Tensor:
        """``(N, heads, D + 5, K)`` of the hints; see `queries`."""
        embedding = self.at(features.embedding, features, hints).unflatten(1, (self.heads, self.dim))
        embedding = F.normalize(embedding, dim=2)
        side = 2 * math.sqrt(features.grid[0] * features.grid[1])
        place = torch.stack([(hints.row + 0.5) / side, (hints.col + 0.5) / side], dim=1)  # (N, 2, K)
        distance = place.square().sum(1, keepdim=True)
        rest = torch.cat([place, torch.ones_like(distance), distance], dim=1)  # (N, 4, K)
        auto = self.at(features.auto, features, hints).transpose(1, 2)
        colour = hints.ab / AB_SCALE
        say = SAY * torch.tanh(self.to_say(torch.cat([colour - auto, colour], dim=2))).transpose(1, 2)
        weight = hints.weight.clamp(min=NOTHING).log()[:, None] + say  # (N, heads, K)
        rest = rest[:, None].expand(-1, self.heads, -1, -1)
        return torch.cat([embedding, rest, weight[:, :, None]], dim=2)

    def weights(self, features: Features, hints: HintBatch) -> Tensor:
        """w(x, h), which hint coloured what: ``(N, K, H', W')``; the rest to 1 is the null's."""
        with torch.autocast(features.null.device.type, enabled=False):
            keys = self.keys(features, hints)
            ways = self.ways(features, hints)
            each = self._by_chunks(features.queries, keys, ways, lambda exps: exps.sum(1))
            each = each * (hints.weight > 0)[:, None]
            shares = each / (each.sum(2) + features.null + TINY)[..., None]
        return shares.transpose(1, 2).unflatten(2, features.grid)

    def forward(self, features: Features, hints: HintBatch) -> tuple[Tensor, Tensor | None]:
        """The formula.

        Returns:
            ab ``(N, 2, H', W')``, normalised, at half resolution; and under global hints the sums at an
                eighth of exp(logit) times the hints' encoded colours, and of exp(logit): ``(N, p, 314)``.
        """
        points = hints.row.shape[1]
        if points == 0:
            return features.auto, None
        known: list[Known] = []
        if self.training:
            total, given = self._learn_all_sums(features, hints)
        else:
            blocks = (hints.columns(start, start + BLOCK) for start in range(0, points, BLOCK))
            known = [self.known(features, number, block) for number, block in enumerate(blocks)]
            total = torch.stack([block.total for block in known]).sum(0)
            coarse = [block.given for block in known if block.given is not None]
            given = torch.stack(coarse).sum(0) if coarse else None
        # normalising after the product takes a few divisions a pixel, not one for each hint
        scale = 1 / (total[..., -1:] + features.null[..., None] + TINY)  # (N, P, 1)
        shares = total * scale
        moved, copied, share = shares.transpose(1, 2).unflatten(2, features.grid).split((2, 2, 1), dim=1)
        z = torch.sigmoid(self.base_copied + SPEED * self.copied)
        changed = z * (copied - share * features.auto) + (1 - z) * features.gain * moved
        ab = features.auto + changed
        if known:
            ab = ab + self._missing(features, hints, ab, known, scale)
        return ab, given

    def _missing(
        self, features: Features, hints: HintBatch, ab: Tensor, known: list[Known], scale: Tensor
    ) -> Tensor:
        """What the hints' own places still lack, carried over the picture: ``(N, 2, H', W')``, normalised."""
        with torch.autocast(ab.device.type, enabled=False):
            rows, cols = features.grid
            row = ((hints.row + 0.5) / 2).long().clamp(0, rows - 1)
            col = ((hints.col + 0.5) / 2).long().clamp(0, cols - 1)
            own = (row * cols + col)[..., None]  # (N, K, 1) the pixel that a hint lies in

            def there(values: Tensor) -> Tensor:  # (N, P, C) -> (N, K, C)
                index = own.expand(-1, -1, values.shape[-1])
                return values.expand(len(index), -1, -1).gather(1, index)

            weights = torch.cat([there(block.kernel) for block in known], dim=2) * there(scale)
            lack = hints.ab / AB_SCALE - there(ab.float().flatten(2).transpose(1, 2))
            counted = (hints.weight > 0)[..., None]
            extra = ridge(weights * counted, lack * counted)
            parts = extra.split(BLOCK, dim=1)
            carried = torch.stack([block.kernel @ part for block, part in zip(known, parts, strict=True)])
            return (carried.sum(0) * scale).transpose(1, 2).unflatten(2, features.grid)

    def known(self, features: Features, number: int, block: HintBatch) -> Known:
        """All of one block of hints, computed only where a hint of it differs from the last time.

        In float32 whatever the caller's autocast says: |x - h|² is a small difference of large terms.
        """
        facts = torch.stack([block.row, block.col, block.weight, *block.ab.unbind(-1)])
        if block.reach is not None:
            facts = torch.cat([facts, block.reach[None]])
        known = features.sums.get(number)
        if known is None or not (torch.equal(known.facts, facts) and same(known.region, block.region)):
            with torch.autocast(features.null.device.type, enabled=False):
                keys, ways = self.keys(features, block), self.ways(features, block)
                kernel = self._by_chunks(features.queries, keys, ways, lambda exps: exps.sum(1))
                kernel = kernel * (block.weight > 0)[:, None]  # padding gets zeros, not a small weight
                total = kernel @ _counted(self._carried(features, block))
                given = None
                if features.told is not None:
                    given = self._sums(
                        features.told.queries, keys, _eighth(ways, features), encoded(block), block.weight
                    )
            known = Known(facts, block.region, kernel, total, given)
            features.sums[number] = known
        return known

    def _carried(self, features: Features, hints: HintBatch) -> Tensor:
        """(c_h - auto(h)) / g(h), then c_h: ``(N, K, 4)``, normalised."""
        auto, gain = (
            self.at(image, features, hints).transpose(1, 2) for image in (features.auto, features.gain)
        )
        colour = hints.ab / AB_SCALE
        return torch.cat([(colour - auto) / gain, colour], dim=2)

    def _learn_all_sums(self, features: Features, hints: HintBatch) -> tuple[Tensor, Tensor | None]:
        """Sums of what is carried at half resolution, and under global hints of encoded colours at an eighth.

        In float32, as `known`.
        """
        with torch.autocast(features.null.device.type, enabled=False):
            keys, ways = self.keys(features, hints), self.ways(features, hints)
            carried = self._carried(features, hints)
            total = self._sums(features.queries, keys, ways, carried, hints.weight)
            if features.told is None:
                return total, None
            coarse = _eighth(ways, features)
            return total, self._sums(features.told.queries, keys, coarse, encoded(hints), hints.weight)

    def _sums(self, queries: Tensor, keys: Tensor, ways: Tensor, values: Tensor, weight: Tensor) -> Tensor:
        """Sums over heads and hints of exp(logit) times the values, and of exp(logit): ``(N, P, C + 1)``."""
        values = _counted(values) * (weight > 0)[..., None]  # padding gets zeros, not a small weight
        if self.training:
            return self._learn_to_sum(queries, keys, ways, values[:, None], weight)
        return self._by_chunks(queries, keys, ways, lambda exps: exps.sum(1) @ values)

    def _by_chunks(
        self, queries: Tensor, keys: Tensor, ways: Tensor, reduce: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """exp(logit) ``(N, heads, pixels, K)``, reduced to ``(N, pixels, C)`` piece by piece.

        Args:
            queries, keys: of the logits.
            ways: ``(N, K, pixels)`` D(x, h).
            reduce: of one piece.
        """
        chunk = max(1, CHUNK // (self.heads * max(1, keys.shape[-1])))
        q = self.way().view(1, -1, 1, 1)
        parts = []
        for some, far in zip(queries.split(chunk, dim=2), ways.split(chunk, dim=2), strict=True):
            logits = (some @ keys).sub_(q * far.transpose(1, 2)[:, None])
            parts.append(reduce(logits.clamp_(min=FAR).exp_()))
        return torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]

    def _learn_to_sum(
        self, queries: Tensor, keys: Tensor, ways: Tensor, values: Tensor, weight: Tensor
    ) -> Tensor:
        """`_sums` of a batch whose pictures have different numbers of hints: ``(N, P, C + 1)``.

        Pictures with about as many hints go together, so that 15 of them do not pay for the 512 hints of the
        sixteenth.
        """
        numbers = torch.arange(1, weight.shape[1] + 1, device=weight.device)
        needed = (numbers * (weight > 0)).amax(dim=1)  # hints of each picture, without padding
        order = needed.argsort()
        sizes = torch.bincount(torch.bucketize(needed, needed.new_tensor([0, *BUCKETS]))).tolist()
        ordered = (value[order].split(sizes) for value in (queries, keys, ways, values, needed))
        q = self.way().view(1, -1, 1, 1)
        parts = []
        for query, key, way, value, number in zip(*ordered, strict=True):
            most = int(number.max()) if len(number) else 0
            logits = query @ key[..., :most] - q * way[:, :most].transpose(1, 2)[:, None]
            parts.append((logits.clamp(min=FAR).exp() @ value[:, :, :most]).sum(1))
        return torch.cat(parts)[order.argsort()]


def _eighth(ways: Tensor, features: Features) -> Tensor:
    """What ways cost at half resolution ``(N, K, P)``, at an eighth, as `Told`: ``(N, K, p)``."""
    rows, cols = (-(-side // 2) for side in features.shape)
    image = ways.unflatten(2, features.grid)[..., :rows, :cols]
    return F.avg_pool2d(image, 4, ceil_mode=True).flatten(2)


def _counted(values: Tensor) -> Tensor:
    """``(N, K, C)`` and a 1 for each hint: ``(N, K, C + 1)``."""
    return torch.cat([values, torch.ones_like(values[..., :1])], dim=2)


def encoded(hints: HintBatch) -> Tensor:
    """Soft encoding of the hints' colours: ``(N, K, 313)``."""
    count, points = hints.row.shape
    soft = AbBins(hints.ab.device).encode(hints.ab.reshape(-1, 2).T[None, :, :, None])
    return soft[0, :, :, 0].T.view(count, points, NUM_BINS)
