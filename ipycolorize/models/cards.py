"""What ships: every set of weights, described."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Card:
    """One shipped set of weights.

    Attributes:
        name: what `load_model` calls it.
        file: name in the weights folder.
        sha256: of the file, 64 hex digits; checked at every load.
        network: which architecture, a key of `NETWORKS`.
        config: its constructor's arguments.
        description: one sentence on what it is good for.
        trained_on: the photographs.
        image_steps: training examples seen: steps times batch.
        hardware: what it was trained on, and for how long.
        psnr: (points, dB) with random points as in the paper's figure 6; "all" reveals every pixel.
        licence: of the weights.
    """

    name: str
    file: str
    sha256: str
    network: str
    config: Mapping[str, Any] = field(hash=False)
    description: str
    trained_on: str
    image_steps: int
    hardware: str
    psnr: tuple[tuple[int | Literal["all"], float], ...]
    licence: str


CARDS: tuple[Card, ...] = (  # best first; weights/README.md shows the same as a table
    Card(
        name="live",
        file="live.safetensors",
        sha256="c29584c6b79d8dcf59c6f4ebf805b3cc8729f2aa831d9ff53b5881a3797ea2e6",
        network="live",
        config={
            "widths": (32, 64, 128, 224, 256),
            "heads": 4,
            "dim": 16,
            "out": 48,
            "tail": 16,
            "depths": (1, 2, 2, 3, 2),
        },
        description="Learned edit propagation: real time on a CPU; the default.",
        trained_on="22,051 photographs of public research sets",
        image_steps=110656,
        hardware="232 minutes on CPU cores, two at first",
        psnr=((0, 22.94), (1, 24.09), (10, 27.41), (100, 31.45), ("all", 47.9)),
        licence="MIT",
    ),
    Card(
        name="siggraph17",
        file="siggraph17.safetensors",
        sha256="e4873488c869fb5f37eff11776ac15b9ef0d0839ee6130d263bc62b54d6124d3",
        network="siggraph17",
        config={
            "width": 16,
            "variant": "local",
            "head": "hypercolumn",
            "mask_offset": 0.0,
            "ab_scale": 110.0,
        },
        description="The paper's Local network at width 16, trained alike, for comparison.",
        trained_on="22,051 photographs of public research sets",
        image_steps=101520,
        hardware="102 minutes on one CPU core",
        psnr=((0, 22.54), (1, 23.14), (10, 25.36), (100, 28.43), ("all", 34.42)),
        licence="MIT",
    ),
    Card(
        name="siggraph17-global",
        file="siggraph17-global.safetensors",
        sha256="9c1a15558b22dd46397bae713e2e5aad96485eb5c9bfff003becfd1c117617aa",
        network="siggraph17",
        config={
            "width": 16,
            "variant": "global",
            "head": "hypercolumn",
            "mask_offset": 0.0,
            "ab_scale": 110.0,
        },
        description="The paper's Global network at width 16, which reads points too, for comparison.",
        trained_on="22,051 photographs of public research sets",
        image_steps=150216,
        hardware="200 minutes on one CPU core",
        psnr=((0, 22.52), (1, 22.86), (10, 24.96), (100, 28.54), ("all", 34.62)),
        licence="MIT",
    ),
    Card(
        name="zhang16",
        file="zhang16.safetensors",
        sha256="d5b78a74879b50f29734f2a5a7b17c4886baed82115f375501ebdd72462ab5ce",
        network="zhang16",
        config={"width": 12},
        description="Zhang et al. 2016 with rare colours counting more, small: an automatic peer.",
        trained_on="22,051 photographs of public research sets",
        image_steps=55488,
        hardware="37 minutes on one CPU core",
        psnr=((0, 20.72), (1, 20.72), (10, 20.72), (100, 20.72), ("all", 20.72)),
        licence="MIT",
    ),
    Card(
        name="zhang16-norebal",
        file="zhang16-norebal.safetensors",
        sha256="f453307cb040841ef6cefc31bfb9c06ece7fc1bc697283aa718994575163062e",
        network="zhang16",
        config={"width": 12},
        description="Zhang et al. 2016 with all colours counting alike, small: an automatic peer.",
        trained_on="22,051 photographs of public research sets",
        image_steps=55488,
        hardware="37 minutes on one CPU core",
        psnr=((0, 22.8), (1, 22.8), (10, 22.8), (100, 22.8), ("all", 22.8)),
        licence="MIT",
    ),
    Card(
        name="larsson16",
        file="larsson16.safetensors",
        sha256="e95b330ae84820c51608ce9b240a9c538f49d27f215aaed84eee7616ca28a13f",
        network="larsson16",
        config={"width": 14},
        description="Larsson et al. 2016, small: an automatic peer.",
        trained_on="22,051 photographs of public research sets",
        image_steps=54528,
        hardware="36 minutes on one CPU core",
        psnr=((0, 22.23), (1, 22.23), (10, 22.23), (100, 22.23), ("all", 22.23)),
        licence="MIT",
    ),
    Card(
        name="iizuka16",
        file="iizuka16.safetensors",
        sha256="31a1f44650b82e553157046e5e722095e92caf1221d36849fc29d253b36145eb",
        network="iizuka16",
        config={"width": 14},
        description="Iizuka et al. 2016 without scenes' names, small: an automatic peer.",
        trained_on="22,051 photographs of public research sets",
        image_steps=54528,
        hardware="25 minutes on one CPU core",
        psnr=((0, 22.84), (1, 22.84), (10, 22.84), (100, 22.84), ("all", 22.84)),
        licence="MIT",
    ),
)
