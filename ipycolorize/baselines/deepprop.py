"""DeepProp: Endo, Iizuka, Kanamori and Mitani 2016.

"DeepProp: extracting deep features from a single image for edit propagation" (Computer Graphics Forum 35(2))
trains a small network on the strokes of this one photograph. One part sees the lightness around a pixel, one
its place, and a third combines both into a probability for each stroke; the strokes' colours are blended by
these probabilities. Nobody weighs lightness against place by hand: the strokes say what tells them apart.

The parts and the blending follow the paper. We know of no published code, so the sizes of the layers and the
optimiser are ours, chosen for a second or two on one core; and where the authors have a learning algorithm of
their own against vanishing gradients, here both first parts learn from classifiers of their own as well, all
at once. A stroke is all pixels revealed in one colour. Revealed pixels keep their colour (see `propagator`).
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import skip_init

from .propagator import Propagator

WINDOW = 9  # side of the square of lightness that is seen around a pixel: two convolutions of 5 x 5
HIDDEN, FEATURES = 16, 32
STEPS = 150
BATCH = 128  # revealed pixels in each; twice as many gave the same within 0.3 dB
RATE = 0.01  # of Adam at its highest, over one cycle
PIECE = 1 << 13  # pixels whose probabilities are held at a time: 16 MB with 500 strokes


class Strokes(nn.Module):
    """Which stroke a pixel belongs to, from what is around it and from where it is.

    Args:
        strokes: number of them.
        generator: on the CPU, for the initial weights.
    """

    def __init__(self, strokes: int, *, generator: torch.Generator) -> None:
        super().__init__()
        self.visual = nn.Sequential(_conv(1, HIDDEN, 5), nn.ReLU(), _conv(HIDDEN, FEATURES, 5), nn.ReLU())
        self.spatial = nn.Sequential(_conv(2, FEATURES), nn.ReLU(), _conv(FEATURES, FEATURES), nn.ReLU())
        self.combine = nn.Sequential(_conv(2 * FEATURES, 2 * FEATURES), nn.ReLU())
        self.stroke = _conv(2 * FEATURES, strokes)
        self.by_sight, self.by_place = _conv(FEATURES, strokes), _conv(FEATURES, strokes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                assert layer.bias is not None
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
                nn.init.uniform_(layer.bias, -0.5, 0.5, generator=generator)  # places are centred at nought

    def features(self, around: Tensor, place: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Visual, spatial and combined features, C = 32, 32 and 64.

        Args:
            around: lightness ``(N, 1, H + 8, W + 8)`` in [-1, 1].
            place: row and column ``(N, 2, H, W)`` in [-1, 1].

        Returns:
            ``(N, C, H, W)`` each.
        """
        sight, where = self.visual(around), self.spatial(place)
        return sight, where, self.combine(torch.cat([sight, where], dim=1))

    def loss(self, around: Tensor, place: Tensor, label: Tensor) -> Tensor:
        """Cross entropy in nats of single pixels ``(N, ..., 1, 1)``, of all three classifiers together."""
        sight, where, both = self.features(around, place)
        heads = (self.by_sight(sight), self.by_place(where), self.stroke(both))
        return torch.stack([F.cross_entropy(head.flatten(1), label) for head in heads]).sum()


class DeepProp(Propagator):
    """Edit propagation by a network that each set of hints trains anew; see the module's docstring.

    Args:
        seed: of the initial weights and of the order of the pixels: the same hints give the same colours.
        steps: of training.
    """

    name = "deepprop"

    def __init__(self, *, seed: int = 0, steps: int = STEPS) -> None:
        super().__init__()
        self.config = {"seed": seed, "steps": steps}
        self.seed, self.steps = seed, steps

    def _study(self, lightness: np.ndarray) -> Tensor:
        """L as the network sees it: ``(1, 1, H + 8, W + 8)`` in [-1, 1], the border's values going on."""
        plane = torch.from_numpy(lightness).float()[None, None] / 50 - 1
        return F.pad(plane, [WINDOW // 2] * 4, mode="replicate")

    def _spread(self, studied: Tensor, known: np.ndarray, raster: np.ndarray) -> np.ndarray:
        colours, label = np.unique(raster[:, known].T, axis=0, return_inverse=True)  # (S, 2)
        with torch.inference_mode(False):  # what is made inside inference mode cannot be learned from
            framed, place = studied.clone(), _places(*known.shape)
            network = self._learned(
                framed, place, torch.from_numpy(known), torch.from_numpy(label.ravel()), strokes=len(colours)
            )
        with torch.inference_mode():
            _, _, both = network.features(framed, place)
            palette = torch.from_numpy(colours).float()
            blended = [
                network.stroke(piece)[0, :, 0].softmax(dim=0).T @ palette
                for piece in both.flatten(2)[:, :, None].split(PIECE, dim=3)
            ]
        return torch.cat(blended).T.reshape(raster.shape).double().numpy()

    def _learned(
        self, framed: Tensor, place: Tensor, known: Tensor, label: Tensor, *, strokes: int
    ) -> Strokes:
        """A network that tells the strokes of the known pixels apart."""
        generator = torch.Generator().manual_seed(self.seed)
        network = Strokes(strokes, generator=generator)
        if strokes == 1:
            return network  # nothing to tell apart
        windows = framed[0, 0].unfold(0, WINDOW, 1).unfold(1, WINDOW, 1)[:, :, None]  # (H, W, 1, 9, 9)
        row, col = known.nonzero(as_tuple=True)
        optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=self.steps)
        with torch.enable_grad():
            for _ in range(self.steps):
                drawn = torch.randint(len(label), (BATCH,), generator=generator)
                r, c = row[drawn], col[drawn]
                optimizer.zero_grad()
                network.loss(windows[r, c], place[0, :, r, c].T[:, :, None, None], label[drawn]).backward()
                optimizer.step()
                schedule.step()
        return network


def _conv(inputs: int, outputs: int, side: int = 1) -> nn.Conv2d:
    """A convolution without padding whose weights are still to be set: torch's own draw is global."""
    return skip_init(nn.Conv2d, inputs, outputs, side)


def _places(height: int, width: int) -> Tensor:
    """Row and column of each pixel, ``(1, 2, H, W)`` in [-1, 1]."""
    rows, cols = torch.linspace(-1, 1, height), torch.linspace(-1, 1, width)
    return torch.stack(torch.meshgrid(rows, cols, indexing="ij"))[None]
