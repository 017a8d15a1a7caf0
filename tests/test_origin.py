"""A photograph's own file stays, however it came in and whatever its file is called by now."""

import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ipycolorize.hints import HintError
from ipycolorize.image import PhotoError, read_photo
from ipycolorize.session import Session


def opened(path):
    return Image.open(path)


def opened_from_memory(path):
    return Image.open(io.BytesIO(path.read_bytes()))


def loaded(path):
    image = Image.open(path)
    image.load()
    return image


def copied(path):
    with Image.open(path) as image:
        return image.convert("RGB")  # knows no file any more


def stream(path):
    return path.open("rb")


def memory(path):
    return io.BytesIO(path.read_bytes())


def array(path):
    with Image.open(path) as image:
        return np.array(image)


WAYS = [
    Path,
    str,
    Path.read_bytes,
    read_photo,
    opened,
    opened_from_memory,
    loaded,
    copied,
    stream,
    memory,
    array,
]


@pytest.fixture
def path(small, tmp_path):
    (tmp_path / "album").mkdir()
    path = tmp_path / "album" / "mine.png"
    Image.fromarray(small).save(path)
    return path


def itself(path):
    return path


def symlink(path):
    link = path.with_name("link.png")
    link.symlink_to(path)
    return link


def hard_link(path):
    link = path.with_name("hard.png")
    os.link(path, link)
    return link


def moved(path):
    return path.rename(path.with_name("moved.png"))


def duplicate(path):
    return Path(shutil.copy(path, path.with_name("copy.png")))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", [itself, symlink, hard_link, moved, duplicate])
def test_the_photograph_is_never_replaced(path, tiny, way, name):
    before = path.read_bytes()
    given = way(path)
    session = Session(given, tiny, device="cpu", short_side=32)
    target = name(path)
    with pytest.raises(PhotoError, match="another name than the photograph's own"):
        session.export(target, overwrite=True)
    with pytest.raises(HintError, match="another name than the photograph's own"):
        session.save(target, overwrite=True)
    assert target.read_bytes() == before
    if hasattr(given, "close"):
        given.close()


def test_a_file_that_was_changed_since_is_still_the_photographs(path, tiny):
    session = Session(path, tiny, device="cpu", short_side=32)
    path.write_bytes(path.read_bytes() + b"a note behind the picture")
    with pytest.raises(PhotoError, match="photograph's own"):
        session.export(path, overwrite=True)


def test_other_files_are_replaced_when_asked_for(path, tiny, tmp_path):
    session = Session(path, tiny, device="cpu", short_side=32)
    for write, name in ((session.export, "out.png"), (session.save, "hints.json")):
        target = tmp_path / name
        target.write_bytes(b"somebody's")
        with pytest.raises(FileExistsError, match=f"{name} exists already: .* overwrite=True"):
            write(target)
        assert target.read_bytes() == b"somebody's"
        write(target, overwrite=True)
        assert target.read_bytes() != b"somebody's"
        with pytest.raises(FileExistsError):
            write(target)


def test_an_open_file_that_is_the_photographs_own_is_refused(path, tiny):
    before = path.read_bytes()
    session = Session(path, tiny, device="cpu", short_side=32)
    with path.open("r+b") as file, pytest.raises(PhotoError, match="photograph's own"):
        session.export(file, format="png")
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["hints", "hints.txt", "hints.png", "notebook.ipynb"])
def test_hints_go_to_json_only(path, tiny, tmp_path, name):
    session = Session(path, tiny, device="cpu", short_side=32)
    with pytest.raises(HintError, match=r"ending in \.json for hints, got"):
        session.save(tmp_path / name, overwrite=True)
    assert not (tmp_path / name).exists()


def test_what_is_read_twice_from_a_pil_image_is_not_moved(path, small):
    with Image.open(path) as image:
        assert np.array_equal(read_photo(image).rgb, small)
        assert np.array_equal(read_photo(image).rgb, small)
