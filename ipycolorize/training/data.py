"""Photographs to learn from: folders and tar shards, decoded once, kept as uint8."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor
from tqdm import tqdm

from ..color import rgb_to_lab

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"}
MIN_CHROMA = 4.0  # mean Lab chroma below which a photograph counts as grey


class DataError(ValueError):
    """Photographs that nothing can be learned from."""


def find_files(sources: list[Path]) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of all images in folders, tar shards (webdataset layout) and single files, in order.

    Raises:
        DataError: if a source is missing or a shard cannot be read.
    """
    for source in sources:
        if source.is_dir():
            wanted = SUFFIXES | {".tar"}
            files = (path for path in source.rglob("*") if path.is_file())
            yield from find_files(sorted(path for path in files if path.suffix.lower() in wanted))
        elif source.suffix.lower() == ".tar" and source.exists():
            try:
                with tarfile.open(source) as shard:
                    for member in shard:
                        is_image = member.isfile() and Path(member.name).suffix.lower() in SUFFIXES
                        file = shard.extractfile(member) if is_image else None
                        if file is not None:
                            yield f"{source.name}/{member.name}", file.read()
            except tarfile.TarError as error:
                raise DataError(f"expected a tar of images, cannot read {source}: {error}") from error
        elif source.exists():
            yield source.name, source.read_bytes()
        else:
            raise DataError(f"expected a folder, a tar shard or an image, but there is no {source}")


def decode(data: bytes, *, short_side: int | None = None) -> np.ndarray:
    """Decode one image to ``(H, W, 3)`` uint8, shrunk to `short_side` if it is larger."""
    with Image.open(io.BytesIO(data)) as image:
        image.draft("RGB", (2 * short_side, 2 * short_side)) if short_side else None
        rgb = ImageOps.exif_transpose(image).convert("RGB")
    if short_side and min(rgb.size) > short_side:
        scale = short_side / min(rgb.size)
        rgb = rgb.resize((round(rgb.width * scale), round(rgb.height * scale)), Image.Resampling.LANCZOS)
    return np.asarray(rgb)


def chroma(rgb: np.ndarray) -> float:
    """Mean Lab chroma of a coarse copy: how colourful a photograph is."""
    lab = rgb_to_lab(np.ascontiguousarray(rgb[::4, ::4]))
    return float(np.hypot(lab[..., 1], lab[..., 2]).mean())


@dataclass(frozen=True)
class Photographs:
    """Decoded photographs.

    Attributes:
        images: ``(H, W, 3)`` uint8 each, of any size.
        left_out: how many were left out and why.
    """

    images: tuple[np.ndarray, ...]
    left_out: dict[str, int]

    def __len__(self) -> int:
        return len(self.images)

    @classmethod
    def load(
        cls,
        sources: list[Path],
        *,
        short_side: int = 200,
        smallest: int = 64,
        limit: int | None = None,
        progress: bool = True,
    ) -> Photographs:
        """Read all photographs; grey, tiny and broken ones are left out and counted.

        Raises:
            DataError: if nothing is left.
        """
        images: list[np.ndarray] = []
        left_out = {"broken": 0, "grey": 0, "tiny": 0}
        for _, data in tqdm(
            find_files(sources), desc="reading photographs", unit=" photos", disable=not progress
        ):
            try:
                rgb = decode(data, short_side=short_side)
            except Exception:  # Pillow raises a dozen kinds for files that are damaged
                left_out["broken"] += 1
                continue
            if min(rgb.shape[:2]) < smallest:
                left_out["tiny"] += 1
            elif chroma(rgb) < MIN_CHROMA:
                left_out["grey"] += 1
            else:
                images.append(rgb)
            if limit is not None and len(images) >= limit:
                break
        if not images:
            raise DataError(
                f"expected photographs in {', '.join(map(str, sources))}, found none to use "
                f"({left_out} left out)"
            )
        return cls(tuple(images), left_out)

    def batch(self, size: int, *, crop: int, generator: torch.Generator) -> Tensor:
        """Random square crops, resized and mirrored: ``(size, 3, crop, crop)`` float RGB in [0, 1].

        A crop takes 45 to 100 % of the short side, so that a network meets things at the scales of small and
        enlarged photographs.
        """
        out = torch.empty(size, 3, crop, crop)
        picks = torch.randint(len(self.images), (size,), generator=generator).tolist()
        shares = torch.rand(size, 3, generator=generator).tolist()
        flips = torch.rand(size, generator=generator) < 0.5
        for index, (pick, (zoom, down, right)) in enumerate(zip(picks, shares, strict=True)):
            rgb = self.images[pick]
            side = round(min(rgb.shape[:2]) * (0.45 + 0.55 * zoom))
            top, left = int(down * (rgb.shape[0] - side + 1)), int(right * (rgb.shape[1] - side + 1))
            window = (
                torch.tensor(rgb[top : top + side, left : left + side]).permute(2, 0, 1)[None].float() / 255
            )
            resized = F.interpolate(window, size=(crop, crop), mode="bilinear", antialias=side > crop)
            out[index] = resized.flip(-1) if flips[index] else resized
        return out
