"""Image files and tar shards to read in tests."""

import io
import tarfile

from PIL import Image


def encoded(rgb, kind="PNG", **options):
    """Bytes of an image file."""
    file = io.BytesIO()
    (rgb if isinstance(rgb, Image.Image) else Image.fromarray(rgb)).save(file, kind, **options)
    return file.getvalue()


def tar_of(path, members):
    """A tar with these contents by name; returns its path."""
    with tarfile.open(path, "w") as shard:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            shard.addfile(info, io.BytesIO(content))
    return path
