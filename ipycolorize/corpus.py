"""Image files to learn from and to measure on: found in folders and tar shards, decoded, and judged."""

from __future__ import annotations

import io
import os
import tarfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from .color import rgb_to_lab
from .decode import decode_file
from .opener import MAX_BYTES, SUFFIXES, TooLargeError, TooSmallError, too_large

REASONS = ("broken", "too large", "tiny", "grey", "toned")
MIN_CHROMA = 4.0  # mean Lab chroma below which a photograph counts as grey
MIN_SPREAD = 1.8  # ab units around the mean colour of a lightness, below which it counts as toned
COARSE = 50  # pixels of the short side are enough to judge colours


class DataError(ValueError):
    """Photographs that nothing can be learned from."""


@dataclass(frozen=True)
class ImageFile:
    """An encoded image: a file, or a part of a tar shard.

    Attributes:
        name: for people.
        path: of the file or the shard.
        offset: of its first byte there.
        length: in bytes; -1: to the end.
    """

    name: str
    path: Path
    offset: int = 0
    length: int = -1

    def read(self) -> bytes:
        """The encoded bytes; fewer than `length` where a shard has been cut off.

        Raises:
            TooLargeError: more than a photograph can have; nothing was read.
        """
        with self.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END) - self.offset
            if self.length >= 0:
                size = min(size, self.length)
            if size > MAX_BYTES:
                raise TooLargeError(too_large(f"{size / 1e9:.1f} GB", f"{MAX_BYTES / 1e9:.1f} GB"))
            file.seek(self.offset)
            return file.read(max(0, size))

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The encoded image as a stream; of a file no more is read than its decoder asks for."""
        if self.offset == 0 and self.length < 0:
            with self.path.open("rb") as file:
                yield file
        else:
            yield io.BytesIO(self.read())


def find_images(sources: list[Path]) -> list[ImageFile]:
    """All images in folders, uncompressed tar shards (webdataset) and single files, in order, each once.

    Of shards only the headers are read. Of a shard that is damaged half-way, the images before the damage are
    used, and a warning says so.

    Raises:
        DataError: if a source is missing or is no tar.
    """
    return list(dict.fromkeys(image for source in sources for image in _find(source)))


def _find(source: Path) -> Iterator[ImageFile]:
    if source.is_dir():
        wanted = SUFFIXES | {".tar"}
        for path in sorted(path for path in _files_below(source) if path.suffix.lower() in wanted):
            yield from _find(path)
    elif not source.exists():
        raise DataError(f"expected a folder, a tar shard or an image, but there is no {source}")
    elif source.suffix.lower() == ".tar":
        yield from _find_in_shard(source)
    else:
        yield ImageFile(source.name, source)


def _files_below(folder: Path) -> Iterator[Path]:
    """All files in a folder, also behind links to folders, each of which is entered once."""
    entered = set()
    for here, folders, names in os.walk(folder, followlinks=True):
        real = Path(here).resolve()
        if real in entered:  # a link to a folder above, or to one that has been
            folders.clear()
            continue
        entered.add(real)
        folders.sort()
        yield from (path for path in (Path(here, name) for name in names) if path.is_file())


def _find_in_shard(path: Path) -> Iterator[ImageFile]:
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as shard:
            found, damaged = 0, False
            try:
                for member in shard:
                    if member.isfile() and Path(member.name).suffix.lower() in SUFFIXES:
                        found += 1
                        yield ImageFile(f"{path.name}/{member.name}", path, member.offset_data, member.size)
            except tarfile.TarError:
                damaged = True
            # tarfile takes a header that it cannot read for the end, which is a block of zeros
            file.seek(shard.offset)
            if damaged or file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
                warnings.warn(
                    f"{path} is damaged after its first {found} images; what follows is lost",
                    stacklevel=2,
                )
    except tarfile.TarError as error:
        raise DataError(f"expected an uncompressed tar of images, cannot read {path}: {error}") from error


def decode(data: bytes | BinaryIO, *, short_side: int | None = None) -> np.ndarray:
    """Decode one image to ``(H, W, 3)`` uint8, upright, sRGB, shrunk to `short_side` if it is larger.

    What `read_photo` shows in a pad, since one decoder serves both.

    Args:
        data: of an image file, or the file itself, at its beginning.
        short_side: in pixels; None keeps the size.

    Raises:
        PhotoError: no photograph, damaged, too small or too large.
    """
    file = io.BytesIO(data) if isinstance(data, bytes) else data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of damage that decoders go round
        rgb = decode_file(file, "the image", short_side=short_side).upright().rgb()
    if short_side and min(rgb.shape[:2]) > short_side:
        scale = short_side / min(rgb.shape[:2])
        size = round(rgb.shape[1] * scale), round(rgb.shape[0] * scale)
        rgb = np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS))
    return rgb


def coarse_lab(rgb: np.ndarray) -> np.ndarray:
    """Lab of a small copy, ``(H', W', 3)``: enough to judge the colours of ``(H, W, 3)`` uint8."""
    return rgb_to_lab(np.asarray(Image.fromarray(rgb).reduce(max(1, min(rgb.shape[:2]) // COARSE))))


def chroma(lab: np.ndarray) -> float:
    """Mean chroma of ``(H, W, 3)`` Lab: how colourful a photograph is."""
    return float(np.hypot(lab[..., 1], lab[..., 2]).mean())


def colour_spread(lab: np.ndarray, *, steps: int = 40) -> float:
    """How far colours lie from the mean colour of their lightness, in ab units: the upper quartile.

    Near 0 for a toned print (sepia, cyanotype), whose colour follows from its lightness. A quartile, because
    a date stamp or a stain does not make a toned print a colour photograph.

    Args:
        lab: ``(H, W, 3)``.
        steps: that L is divided into.
    """
    lightness, ab = lab[..., 0].ravel(), lab[..., 1:].reshape(-1, 2)
    step = (lightness * (steps / 100)).astype(int).clip(0, steps - 1)
    total = np.stack([np.bincount(step, values, steps) for values in ab.T], axis=1)
    mean = total / np.bincount(step, minlength=steps).clip(1)[:, None]
    return float(np.quantile(np.linalg.norm(ab - mean[step], axis=1), 0.75))


def judge(rgb: np.ndarray, *, smallest: int) -> str | None:
    """Why nothing can be learned from ``(H, W, 3)`` uint8: "tiny", "grey" or "toned"; None if something can.

    Args:
        rgb: the photograph.
        smallest: short side in pixels that is large enough.
    """
    if min(rgb.shape[:2]) < smallest:
        return "tiny"
    lab = coarse_lab(rgb)
    if chroma(lab) < MIN_CHROMA:
        return "grey"
    return "toned" if colour_spread(lab) < MIN_SPREAD else None


def look(file: ImageFile, *, short_side: int, smallest: int) -> np.ndarray | str:
    """Decode and judge: ``(H, W, 3)`` uint8, or why the photograph is of no use, one of `REASONS`.

    Args:
        file: an image.
        short_side: a larger photograph is shrunk to it.
        smallest: as `judge` takes it.
    """
    try:
        with file.open() as stream:
            rgb = decode(stream, short_side=short_side)
    except TooSmallError:
        return "tiny"
    except TooLargeError:
        return "too large"
    except (ValueError, OSError):  # of which PhotoError is one
        return "broken"
    return judge(rgb, smallest=smallest) or rgb


def in_words(left_out: Mapping[str, int]) -> str:
    """Photographs left out, as the end of a sentence; empty where there are none."""
    named = [f"{count} {reason}" for reason, count in left_out.items() if count]
    return f"; left out: {', '.join(named)}" if named else ""
