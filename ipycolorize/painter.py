"""A network's memory of one photograph: it is encoded once, each state of the hints is decoded once.

`rgb` paints any size from the same colours, so that the preview equals the export.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .frame import Frame
from .hint_batch import HintBatch
from .hints import THING, Hint
from .image import Photo, resize_lightness
from .models.base import Network, Prediction
from .mood import Mood
from .raster import rasterize_region
from .render import Colors, check_answer, render


class Painter:
    """Paint one photograph.

    Args:
        photo: the photograph.
        network: in eval mode, on its device.
        frame: between the photograph and the network's grid.

    Attributes:
        lightness: ``(1, 1, h, w)`` of the network's grid, on the CPU.
        timings: milliseconds of the last encode, edit (decode) and render.
    """

    def __init__(self, photo: Photo, network: Network, frame: Frame) -> None:
        self.photo, self.network, self.frame = photo, network, frame
        self.timings = {"encode_ms": 0.0, "edit_ms": 0.0, "render_ms": 0.0}
        self._device = network.bin_centers.device
        self.lightness = torch.from_numpy(resize_lightness(photo.lightness, frame.grid))[None, None]
        self._features: Any = None
        self._predicted: tuple[tuple[tuple[Hint, ...], Mood | None], Prediction, Colors] | None = None
        self._painted: tuple[Colors, np.ndarray] | None = None
        self._small_lightness: np.ndarray | None = None

    def rgb(self, hints: Iterable[Hint], mood: Mood, shape: tuple[int, int] | None = None) -> np.ndarray:
        """The colorized photograph, ``(H, W, 3)`` uint8: at its own size, or at any other given."""
        _, colors = self._predict(hints, mood)
        wanted = shape or self.photo.shape
        if self._painted is None or self._painted[0] is not colors or self._painted[1].shape[:2] != wanted:
            lightness = self.lightness_at_size(shape)
            started = time.perf_counter()
            with torch.inference_mode():
                self._painted = (colors, render(lightness, colors))
            self._note("render_ms", started)
        return self._painted[1].copy()

    def gray(self, shape: tuple[int, int] | None = None) -> np.ndarray:
        """The photograph's lightness alone, ``(H, W, 3)`` uint8, neutral."""
        none = torch.zeros(2, 1, 1)  # Lab's white is not exactly sRGB's: red and blue may round away
        return render(self.lightness_at_size(shape), Colors(none, none))[..., 1:2].repeat(3, axis=2)

    def ab_at(self, hints: Iterable[Hint], mood: Mood, row: int, col: int) -> tuple[float, float]:
        """Colour of a pixel of the photograph, Lab units."""
        _, colors = self._predict(hints, mood)
        return colors.at(*self.frame.to_grid(row, col), float(self.photo.lightness[row, col]))

    def likely_at(self, hints: Iterable[Hint], mood: Mood, row: int, col: int) -> np.ndarray:
        """Distribution over the network's bins at a pixel of the photograph: ``(Q,)``, summing to 1."""
        prediction, _ = self._predict(hints, mood)
        height, width = self.photo.shape
        place = torch.tensor([(col + 0.5) / width * 2 - 1, (row + 0.5) / height * 2 - 1]).view(1, 1, 1, 2)
        with torch.inference_mode():
            logits = prediction.logits.float()  # coarser than the grid, over the same rectangle
            here = F.grid_sample(logits, place.to(logits.device), padding_mode="border", align_corners=False)
            likely = here.flatten().softmax(0)
            check_answer(likely, "likely colours")
            return likely.cpu().numpy()

    def ab(self, hints: Iterable[Hint], mood: Mood) -> Tensor:
        """ab ``(2, h, w)`` on the network's grid; beside `rgb`, for questions of the kind "what if"."""
        with torch.inference_mode():
            ab = self._decode(tuple(hints), mood).ab[0].float().cpu()
        check_answer(ab, "colours")
        return ab

    def features(self) -> Any:
        """What the network remembers of the photograph."""
        if self._features is None:
            started = time.perf_counter()
            with torch.inference_mode():
                self._features = self.network.encode(self.lightness.to(self._device))
            self._note("encode_ms", started)
        return self._features

    def _predict(self, hints: Iterable[Hint], mood: Mood) -> tuple[Prediction, Colors]:
        counting = tuple(hint for hint in hints if hint.weight > 0)
        wanted = (counting, mood if mood or mood.vividness else None)
        if self._predicted is not None and self._predicted[0] == wanted:
            return self._predicted[1:]
        self.features()
        started = time.perf_counter()
        with torch.inference_mode():
            prediction = self._decode(counting, mood)
            colors = Colors.of_prediction(self.lightness, prediction.ab)
        self._note("edit_ms", started)
        self._predicted = (wanted, prediction, colors)
        return prediction, colors

    def _decode(self, hints: tuple[Hint, ...], mood: Mood) -> Prediction:
        return self.network.decode(self.features(), self.batch(hints), **self.asked(mood))

    def asked(self, mood: Mood) -> dict[str, Any]:
        """A mood as the network takes it: arguments beside the hints."""
        told: dict[str, Any] = {"global_hints": mood.global_hints().to(self._device)} if mood else {}
        return told | ({"vividness": mood.vividness} if mood.vividness else {})

    @staticmethod
    def latest(hints: Iterable[Hint]) -> tuple[Hint, ...]:
        """Those that count: of several on one pixel the latest."""
        return tuple({(hint.row, hint.col): hint for hint in hints}.values())

    def batch(self, hints: tuple[Hint, ...]) -> HintBatch:
        """Hints in the network's grid, on its device; see `latest`."""
        hints = self.latest(hints)
        places = [self.frame.to_grid(hint.row, hint.col) for hint in hints]
        row = torch.tensor([[place[0] for place in places]])
        col = torch.tensor([[place[1] for place in places]])
        size = torch.tensor([[self.frame.size_to_grid(hint.size) for hint in hints]])
        ab = torch.tensor([hint.ab for hint in hints]).view(1, -1, 2)
        weight = torch.tensor([[hint.weight for hint in hints]])
        batch = HintBatch.of_points(row, col, size, ab, weight, shape=self.frame.grid)
        if any(hint.reach != THING for hint in hints):
            batch = replace(batch, reach=torch.tensor([[hint.reach for hint in hints]]))
        if any(hint.region is not None for hint in hints):
            regions = [rasterize_region(hint.region, self.frame) for hint in hints]
            batch = replace(batch, region=torch.from_numpy(np.stack(regions))[None])
        return batch.to(self._device)

    def lightness_at_size(self, shape: tuple[int, int] | None) -> np.ndarray:
        """L ``(H, W)`` of the photograph, at its own size (None) or any other."""
        if shape is None or tuple(shape) == self.photo.shape:
            return self.photo.lightness
        if self._small_lightness is None or self._small_lightness.shape != tuple(shape):
            self._small_lightness = resize_lightness(self.photo.lightness, (int(shape[0]), int(shape[1])))
        return self._small_lightness

    def _note(self, name: str, started: float) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize()
        self.timings[name] = (time.perf_counter() - started) * 1e3
