"""Photographs from pipes, open files and archives; pictures into them."""

import gzip
import io
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ipycolorize import pipes
from ipycolorize.image import PhotoError, read_photo
from ipycolorize.session import Session
from ipycolorize.writing import write_photo

posix = pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")


@pytest.fixture
def encoded(crop):
    file = io.BytesIO()
    Image.fromarray(crop).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def path(tmp_path, encoded):
    path = tmp_path / "mine.png"
    path.write_bytes(encoded)
    return path


class Trickle(io.RawIOBase):
    """A stream that gives a few bytes at a time and cannot go back."""

    def __init__(self, data):
        self.rest = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        given = self.rest.read(min(len(buffer), 1000))
        buffer[: len(given)] = given
        return len(given)


def test_open_files_of_all_kinds(path, encoded, crop, tmp_path):
    packed, archive = tmp_path / "mine.png.gz", tmp_path / "mine.zip"
    packed.write_bytes(gzip.compress(encoded))
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("mine.png", encoded)
    with (
        path.open("rb") as plain,
        path.open("rb", buffering=0) as raw,
        gzip.open(packed) as unpacked,
        zipfile.ZipFile(archive) as folder,
        folder.open("mine.png") as member,
    ):
        for source in (plain, raw, unpacked, member, io.BytesIO(encoded), Trickle(encoded)):
            assert np.array_equal(read_photo(source).rgb, crop), source
        assert read_photo(plain).name == "mine"
    assert read_photo(io.BytesIO(encoded)).name == "photo"


def test_an_open_file_is_read_from_its_beginning(encoded, crop):
    file = io.BytesIO()
    file.write(encoded)
    assert np.array_equal(read_photo(file).rgb, crop)
    assert np.array_equal(read_photo(file).rgb, crop)


def test_what_is_wrong_with_a_stream_is_said(path, encoded, monkeypatch):
    with path.open(encoding="latin1") as text, pytest.raises(PhotoError, match=r"got text .* mode 'rb'"):
        read_photo(text)
    closed = io.BytesIO(encoded)
    closed.close()
    with pytest.raises(PhotoError, match=r"reading the open file failed \(I/O operation on closed"):
        read_photo(closed)
    with pytest.raises(PhotoError, match="0 bytes"):
        read_photo(io.BytesIO())
    with pytest.raises(PhotoError, match=r"damaged or cut off"):
        read_photo(Trickle(encoded[:2000]))
    with (
        gzip.open(io.BytesIO(gzip.compress(encoded)[:2000])) as cut,
        pytest.raises(PhotoError, match="failed"),
    ):
        read_photo(cut)
    monkeypatch.setattr(pipes, "MAX_BYTES", 3000)
    with pytest.raises(PhotoError, match=r"expected at most .* MiB, got more"):
        read_photo(Trickle(encoded))


def test_a_stream_without_end_is_read_no_further_than_allowed(monkeypatch):
    monkeypatch.setattr(pipes, "MAX_BYTES", 5 << 20)
    read = []

    class Endless:
        def read(self, size):
            read.append(size)
            return bytes(size)

    with pytest.raises(PhotoError, match="5 MiB, got more from the open file"):
        read_photo(Endless())
    assert sum(read) <= 6 << 20


@posix
def test_a_named_pipe_is_read_to_its_end(tmp_path, encoded, crop):
    os.mkfifo(tmp_path / "pipe.png")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe.png").write_bytes(encoded))
    writer.start()
    assert np.array_equal(read_photo(tmp_path / "pipe.png").rgb, crop)
    writer.join(60)


@posix
@pytest.mark.parametrize("given", ["pipe", "file"])
def test_dev_stdin_is_a_photograph(path, given):
    code = "from ipycolorize import read_photo; print(*read_photo('/dev/stdin').shape)"
    with path.open("rb") as file:
        standard = {"stdin": file} if given == "file" else {"input": path.read_bytes()}
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=240, **standard)
    assert ended.stdout.split() == [b"90", b"120"], ended.stderr


@pytest.mark.parametrize(("format", "magic"), [("png", b"\x89PNG"), ("jpg", b"\xff\xd8"), ("TIF", b"II*\0")])
def test_a_picture_into_an_open_file(crop, tiny, format, magic):
    file = io.BytesIO()
    session = Session(crop, tiny, device="cpu", short_side=32)
    session.export(file, format=format)
    assert file.getvalue().startswith(magic)
    assert read_photo(file).shape == (90, 120)


def test_a_stream_needs_a_format_and_a_name_needs_none_but_its_own(crop, tmp_path):
    photo = read_photo(crop)
    with pytest.raises(PhotoError, match="expected the format of what goes to a stream"):
        write_photo(io.BytesIO(), crop, photo=photo)
    with pytest.raises(PhotoError, match="expected a format png, jpg or tif, got 'webp'"):
        write_photo(io.BytesIO(), crop, photo=photo, format="webp")
    with pytest.raises(PhotoError, match=r"expected a name that ends in \.png, got one in \.jpg"):
        write_photo(tmp_path / "a.jpg", crop, photo=photo, format="png")
    write_photo(tmp_path / "a.jpeg", crop, photo=photo, format="jpg")
    assert [each.name for each in tmp_path.iterdir()] == ["a.jpeg"]


@posix
def test_a_picture_into_a_named_pipe(tmp_path, crop):
    os.mkfifo(tmp_path / "out.png")
    got = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "out.png").read_bytes()))
    reader.start()
    write_photo(tmp_path / "out.png", crop, photo=read_photo(crop))
    reader.join(60)
    assert np.array_equal(read_photo(got[0]).rgb, crop)
    assert Path(tmp_path / "out.png").is_fifo()
