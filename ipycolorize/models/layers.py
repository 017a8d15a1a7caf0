"""Layers that several networks are built of."""

from __future__ import annotations

from torch import nn


def conv(inputs: int, outputs: int, *, size: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU; the norm folds into the convolution for inference."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def block(inputs: int, outputs: int, *, convs: int, dilation: int = 1, stride: int = 1) -> nn.Sequential:
    """Pairs of 3x3 convolution and ReLU, the last of stride `stride`, then one batch norm."""
    layers: list[nn.Module] = []
    for number in range(1, convs + 1):
        step = stride if number == convs else 1
        layers += [nn.Conv2d(inputs, outputs, 3, step, padding=dilation, dilation=dilation), nn.ReLU()]
        inputs = outputs
    return nn.Sequential(*layers, nn.BatchNorm2d(outputs))


def upsample(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    """Twice the resolution, learned."""
    return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)


def he_normal(network: nn.Module) -> None:
    """Initialise all convolutions of a network for the ReLUs behind them (He et al. 2015); biases at 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        elif isinstance(module, nn.ConvTranspose2d):
            # of the 4x4 kernel, stride 2 lets 2x2 reach each output pixel; torch's fan_in does not know
            nn.init.normal_(module.weight, std=(2 / (4 * module.in_channels)) ** 0.5)
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.bias is not None:
            nn.init.zeros_(module.bias)
