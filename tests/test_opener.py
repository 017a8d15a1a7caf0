"""The door for image files: what comes in, by which entry, and how large it may say to be."""

import ast
import io
import struct
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image
from shards import encoded, tar_of

import ipycolorize
from ipycolorize import Session, cli, read_photo
from ipycolorize.analysis.photographs import FiledPhotographs
from ipycolorize.corpus import DataError, ImageFile, find_images, look
from ipycolorize.decode import decode_image
from ipycolorize.launch import write_notebook
from ipycolorize.opener import MAX_BYTES, PhotoError, TooLargeError
from ipycolorize.pairs import named_photos
from ipycolorize.training.background import Job, train
from ipycolorize.training.data import Photographs

SOURCES = sorted(Path(ipycolorize.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_opening_names_its_formats(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "Image.open",
            "Pillow.open",
            "PIL.Image.open",
        ):
            assert "formats" in [keyword.arg for keyword in node.keywords], f"{path}:{node.lineno}"


# --- PostScript under another name -------------------------------------------------------------------------


@pytest.fixture
def postscript():
    """An encapsulated PostScript file, which Pillow hands to an interpreter."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(file, "EPS")
    return file.getvalue()


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """An interpreter that leaves a file when it is started."""
    marker, fake = tmp_path / "started", tmp_path / "gs"
    fake.write_text(f"#!/bin/sh\necho yes >> '{marker}'\n", encoding="utf-8")
    fake.chmod(0o755)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", str(fake))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return marker


def test_the_trap_catches(trap, postscript):
    with Image.open(io.BytesIO(postscript)) as image, pytest.raises(OSError):
        image.load()
    assert trap.exists()


ENTRIES = {
    "read_photo of a path": lambda path, tiny: read_photo(path),
    "read_photo of bytes": lambda path, tiny: read_photo(path.read_bytes()),
    "read_photo of an opened PIL image": lambda path, tiny: read_photo(
        Image.open(io.BytesIO(path.read_bytes()))
    ),
    "Session": lambda path, tiny: Session(path, tiny),
    "a reference": lambda path, tiny: Session(np.full((64, 64), 9, np.uint8), tiny).mood_of(
        path.read_bytes()
    ),
    "pairs": lambda path, tiny: named_photos([path]),
    "lab": lambda path, tiny: write_notebook(path, path.parent),
    "train": lambda path, tiny: Photographs.load([path.parent], progress=False),
    "train from a shard": lambda path, tiny: Photographs.load(
        [tar_of(path.parent / "a.tar", {"a.jpg": path.read_bytes()})], progress=False
    ),
    "evaluate, reproduce": lambda path, tiny: FiledPhotographs.find(
        path.parent, short_side=64, progress=False
    ),
}


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".png"])
def test_no_entry_starts_an_interpreter(entry, suffix, trap, postscript, tmp_path, tiny):
    (tmp_path / "photographs").mkdir()
    path = tmp_path / "photographs" / f"a{suffix}"
    path.write_bytes(postscript)
    with pytest.raises((PhotoError, DataError)):
        ENTRIES[entry](path, tiny)
    assert not trap.exists()


@pytest.mark.parametrize(
    "command",
    [
        ["colorize", "a.jpg", "-o", "out.png"],
        ["train", ".", "-o", "run", "--steps", "1"],
        ["evaluate", ".", "--methods", "gray"],
        ["reproduce", "table1", "--photos", ".", "--out", "results", "--methods", "gray"],
        ["transfer", "."],
        ["behaviour", "."],
    ],
    ids=lambda command: command[0],
)
def test_no_command_starts_an_interpreter(command, trap, postscript, tmp_path, monkeypatch, capsys):
    (tmp_path / "photographs").mkdir()
    monkeypatch.chdir(tmp_path / "photographs")
    Path("a.jpg").write_bytes(postscript)
    assert cli.main(command) == 1
    assert "PostScript" in (said := capsys.readouterr().err) or "1 broken" in said
    assert not trap.exists()


def test_fine_tuning_starts_no_interpreter(trap, postscript, tmp_path, tiny_path):
    (tmp_path / "photographs").mkdir()
    (tmp_path / "photographs" / "a.jpg").write_bytes(postscript)
    job = Job(str(tmp_path / "photographs"), str(tmp_path / "run"), start=str(tiny_path), minutes=0.01)
    with pytest.raises(DataError, match="1 broken"):
        train(job)
    assert not trap.exists()


def test_a_reference_dropped_on_a_pad_starts_no_interpreter(trap, postscript, tiny):
    from ipycolorize.widget import Colorizer

    pad = Colorizer(Session(np.full((64, 64, 3), 99, np.uint8), tiny, device="cpu"))
    try:
        assert pad._worker.wait(60, idle=1)
        file = {
            "name": "a.jpg",
            "content": memoryview(postscript),
            "type": "image/jpeg",
            "size": len(postscript),
        }
        pad._mood.reference._upload.value = [{**file, "last_modified": datetime.now(UTC)}]
        assert pad._worker.wait(60, idle=1)
        assert "PostScript" in pad._status.value
    finally:
        pad.close()
    assert not trap.exists()


def test_an_image_that_somebody_loaded_is_taken_whatever_it_was(crop):
    file = io.BytesIO()
    Image.fromarray(crop).save(file, "TGA")
    image = Image.open(file, formats=("TGA",))
    with pytest.raises(PhotoError, match=r"an opened TGA file: call its load\(\) first"):
        decode_image(image)
    image.load()
    assert np.array_equal(decode_image(image).samples, crop)


# --- headers that promise too much -------------------------------------------------------------------------


def webp(width, height):
    """An animation of 8 x 8 pixels on a canvas as large as one likes: 100 bytes."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "WEBP")

    def three(value):
        return struct.pack("<I", value)[:3]

    def chunk(name, data):
        return name + struct.pack("<I", len(data)) + data

    frame = bytes(6) + three(7) + three(7) + three(100) + b"\0" + file.getvalue()[12:]
    body = chunk(b"VP8X", b"\x02\0\0\0" + three(width - 1) + three(height - 1))
    body += chunk(b"ANIM", bytes(6)) + chunk(b"ANMF", frame)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def patched(kind, find, offset, value, **options):
    file = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(file, kind, **options)
    data = bytearray(file.getvalue())
    at = data.index(find) + offset
    data[at : at + len(value)] = value
    return bytes(data)


LARGE = {
    "WEBP": webp(16383, 16383),
    "WEBP of 134 megapixels": webp(16383, 8200),
    "GIF": patched("GIF", b"GIF", 6, struct.pack("<HH", 65535, 65535)),
    "BMP": patched("BMP", b"BM", 18, struct.pack("<ii", 30000, 30000)),
    "AVIF": patched("AVIF", b"ispe", 8, struct.pack(">II", 16000, 16000)),
    "JPEG": patched("JPEG", b"\xff\xc0", 5, struct.pack(">HH", 65500, 65500)),
    "PPM": b"P6 40000 40000 255\n" + bytes(99),
    "TIFF": encoded(np.zeros((16, 16, 3), np.uint8), "TIFF").replace(
        struct.pack("<HHII", 256, 4, 1, 16), struct.pack("<HHII", 256, 4, 1, 99_000_000)
    ),
}

LIMITED = """
import resource, sys
import numpy, PIL.features, tifffile, ipycolorize.corpus, ipycolorize.image  # room for libraries comes first
from ipycolorize.opener import TooLargeError
held = int(open("/proc/self/statm", encoding="ascii").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 300_000_000,) * 2)
data = sys.stdin.buffer.read()
for read in (ipycolorize.image.read_photo, ipycolorize.corpus.decode):
    try:
        read(data)
    except TooLargeError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures address space")
@pytest.mark.parametrize("kind", LARGE)
def test_a_header_that_promises_too_much_is_refused_before_there_is_room_for_it(kind):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LIMITED], input=LARGE[kind], capture_output=True, timeout=120
    )
    assert done.stderr == b""
    assert done.stdout.count(b"expected at most 100 megapixels") == 2, done.stdout


def test_a_webp_of_permitted_size_is_read():
    assert read_photo(webp(300, 200)).shape == (200, 300)


def sparse(path, start, size):
    with path.open("wb") as file:
        file.write(start)
        file.truncate(size)
    return path


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.avif"])
def test_a_file_beyond_all_photographs_is_refused_unread(tmp_path, crop, name):
    data = encoded(crop, {"jpg": "JPEG"}.get(name[2:], name[2:].upper()))
    path = sparse(tmp_path / name, data, MAX_BYTES + 100)
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError, match=r"at most 1\.1 GB, got .* of 1\.1 GB"):
            read_photo(path)
        (file,) = find_images([path])
        assert look(file, short_side=64, smallest=8) == "too large"
        with pytest.raises(TooLargeError):
            file.read()
        with pytest.raises(TooLargeError):
            replace(file, offset=7).read()
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_of_a_large_file_no_more_is_read_than_the_photograph(tmp_path, crop):
    path = sparse(tmp_path / "a.tif", encoded(crop, "TIFF"), 3 * MAX_BYTES)
    tracemalloc.start()
    try:
        assert np.array_equal(look(find_images([path])[0], short_side=500, smallest=8), crop)
        assert np.array_equal(read_photo(path).rgb, crop)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_a_shard_that_promises_more_than_it_has_makes_no_room_for_it(tmp_path):
    path = tmp_path / "a.tar"
    path.write_bytes(b"abc")
    assert ImageFile("a", path, 1, 10**15).read() == b"bc"
    assert ImageFile("a", path, 9, 10).read() == b""
