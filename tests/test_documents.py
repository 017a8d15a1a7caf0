"""Documents from anywhere: bounded in size, count, depth and keys, in linear time and little memory."""

import json
import os
import time
import tracemalloc

import numpy as np
import pytest
import torch

from ipycolorize import Session, read_photo
from ipycolorize.documents import (
    MAX_BYTES,
    DocumentError,
    brief,
    parse_document,
    printable,
    read_document,
)
from ipycolorize.hints import MAX_HINTS, HintError, Hints
from ipycolorize.mood import Mood, MoodError
from ipycolorize.raster import PATCHES, rasterize

SHAPE = (107, 160)


def document(count, **point):
    """Hints of one photograph, as text."""
    points = [{"row": k % 107, "col": k % 160, "ab": [1, 2], "size": 7, **point} for k in range(count)]
    return json.dumps({"format": "ipycolorize-hints", "version": 1, "shape": SHAPE, "hints": points})


def nested(levels, inner="1"):
    return "[" * levels + inner + "]" * levels


REFUSED = {
    "long": ('{"a": "' + "x" * MAX_BYTES + '"}', r"at most 4 MB, got 4,000,\d+ bytes"),
    "deep": (nested(17), "at most 16 levels"),
    "deep in hints": (f'{{"format": "ipycolorize-hints", "version": 1, "hints": {nested(16)}}}', "16 levels"),
    "very deep": (nested(100_000), "not JSON|16 levels"),
    "very deep objects": ('{"a":' * 100_000 + "1" + "}" * 100_000, "not JSON|16 levels"),
    "wide": (json.dumps({str(k): k for k in range(65)}), "at most 64 keys, got one of 65"),
    "very wide": (json.dumps({str(k): k for k in range(200_000)}), "at most 64 keys, got one of 200000"),
    "wide by repetition": ('{"a": 1' + ', "a": 1' * 64 + "}", "at most 64 keys, got one of 65"),
    "many points": (document(MAX_HINTS + 1), r"at most 10,000 points, got 10,001"),
    "digits": ('{"format": ' + "9" * 100_000 + "}", "not JSON"),
    "a row of many digits": (document(1, row=10**4000), "hint 1: expected a place inside the photograph"),
    "a size of many digits": (document(1, size=10**4000), "hint 1: expected"),
    "a size beyond all": (document(1, size=1e300), "hint 1: expected a patch size of at most"),
    "an infinite size": (document(1, size=float("inf")), "hint 1: expected"),
    "a long point": (document(1, row="x" * 100_000), "hint 1: expected"),
    "a point of lists": (document(1, ab=[[1] * 100] * 1000), "hint 1: expected"),
    "a version of many digits": (document(0).replace('"version": 1', f'"version": {10**4000}'), "version"),
}


@pytest.mark.parametrize("text", [str, str.encode], ids=["text", "bytes"])
@pytest.mark.parametrize("kind", REFUSED)
def test_what_no_document_of_ours_has_is_refused_in_a_short_sentence(kind, text):
    data, message = REFUSED[kind]
    with pytest.raises(HintError, match=message) as caught:
        Hints.from_json(text(data), shape=SHAPE)
    assert len(str(caught.value)) < 600


def test_documents_at_their_limits_are_read():
    hints = Hints.from_json(document(MAX_HINTS), shape=SHAPE, first_id=5)
    assert [hints.items[0].id, hints.items[-1].id, hints.next_id] == [5, MAX_HINTS + 4, MAX_HINTS + 5]
    assert parse_document(nested(16)) == json.loads(nested(16))
    assert len(parse_document(json.dumps({str(k): k for k in range(64)}))) == 64


def seconds(action):
    start = time.process_time()
    action()
    return time.process_time() - start


def test_time_grows_with_the_number_of_points_and_not_with_its_square():
    small, large = document(1000), document(10_000)
    few = min(seconds(lambda: Hints.from_json(small, shape=SHAPE)) for _ in range(5))
    many = min(seconds(lambda: Hints.from_json(large, shape=SHAPE)) for _ in range(3))
    assert many < 25 * few  # 100 times as long if each point copied those before it


@pytest.mark.parametrize(
    "text", ["[" + "[]," * 1_200_000 + "[]]", "[" + "{}," * 1_200_000 + "{}]", document(30_000)]
)
def test_memory_stays_within_a_multiple_of_the_text(text):
    tracemalloc.start()
    try:
        with pytest.raises(HintError):
            Hints.from_json(text, shape=SHAPE)
        assert tracemalloc.get_traced_memory()[1] < 250e6
    finally:
        tracemalloc.stop()


def test_many_large_patches_are_drawn_a_part_at_a_time():
    count = 300
    row, col = torch.arange(count).float()[None] % 64, torch.arange(count).float()[None] * 7 % 96
    size = 5 + 200 * (torch.arange(count) % 9 == 0).float()[None]
    ab, weight = torch.randn(1, count, 2), (torch.arange(count) % 5 > 0).float()[None]
    assert count * 64 * 96 < PATCHES  # at once
    whole = rasterize(row, col, size, ab, weight, shape=(64, 96))
    parts = pytest.MonkeyPatch()
    with parts.context() as patch:
        patch.setattr("ipycolorize.raster.PATCHES", 3 * 64 * 96)
        for one, other in zip(whole, rasterize(row, col, size, ab, weight, shape=(64, 96)), strict=True):
            assert torch.equal(one, other)


def test_two_thousand_points_as_large_as_the_photograph_take_little(tiny):
    """110 kB of text took 6.6 GB."""
    resource = pytest.importorskip("resource")
    session = Session(np.full((256, 256, 3), 99, np.uint8), tiny, device="cpu")
    text = document(2000, size=1000).replace(str(list(SHAPE)), "[256, 256]")
    session.load(text.encode())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    session.painter.batch(session.hints.items)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 600  # MB


def test_of_an_endless_file_no_more_is_read_than_a_document_can_have(tmp_path, tiny):
    path = tmp_path / "h.json"
    with path.open("wb") as file:
        file.truncate(6_000_000_000)
    with pytest.raises(DocumentError, match="at most 4 MB"):
        read_document(path)
    session = Session(np.full((64, 64, 3), 99, np.uint8), tiny, device="cpu")
    for source in (path, "/dev/zero") if os.path.exists("/dev/zero") else (path,):  # noqa: PTH110
        with pytest.raises(HintError, match="at most 4 MB"):
            session.load(source)


def test_a_session_loads_in_linear_time_and_goes_on_counting(tiny):
    session = Session(np.full((107, 160, 3), 99, np.uint8), tiny, device="cpu")
    session.add(5, 5, ab=(1.0, 2.0))
    session.load(document(3).encode())
    assert [hint.id for hint in session.hints] == [2, 3, 4]
    assert session.undo()
    assert [hint.id for hint in session.hints] == [1]


# --- moods -------------------------------------------------------------------------------------------------


def test_a_mood_of_more_bins_than_there_are_is_refused():
    with pytest.raises(MoodError, match="at most 313 bins, got 100,000"):
        Mood.from_json({"histogram": [[0, 0, 1.0]] * 100_000})


@pytest.mark.parametrize(
    "data",
    [
        {"strength": 10**4000},
        {"strength": "x" * 100_000},
        {"histogram": [["x" * 100_000] * 3]},
        {"histogram": {"x" * 100_000: 1}},
        {"histogram": [[10**4000, 0, 1]]},
        {"histogram": [[0, 0, 10**4000]]},
        [1] * 100_000,
        "x" * 100_000,
    ],
    ids=range(8),
)
def test_what_is_wrong_with_a_mood_is_said_in_a_short_sentence(data):
    with pytest.raises(MoodError) as caught:
        Mood.from_json(data)
    assert len(str(caught.value)) < 600


def test_the_name_of_a_reference_can_be_shown_and_is_not_endless():
    mood = Mood.from_json({"histogram": [[0, 0, 1]], "source": "gro\udcdf\ud800" + "x" * 10_000})
    assert mood.source.startswith("gro��xxx")
    assert len(mood.source) == 255
    mood.source.encode()


# --- names -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Großmutter 日本 😀", "Großmutter 日本 😀"),
        (os.fsdecode(b"gro\xdfmutter"), "gro�mutter"),
        ("a\ud800b\udc80", "a�b�"),
        ("", ""),
    ],
)
def test_names_become_printable(text, shown):
    assert printable(text) == shown
    shown.encode()


def test_a_photograph_whose_name_is_no_utf_8_is_read_saved_and_exported(tmp_path, crop, tiny):
    from PIL import Image

    path = os.path.join(os.fsencode(tmp_path), b"gro\xdfmutter.png")  # noqa: PTH118 - bytes
    try:
        with open(path, "wb") as file:  # noqa: PTH123
            Image.fromarray(crop).save(file, "PNG")
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    assert read_photo(os.fsdecode(path)).name == "gro�mutter"
    session = Session(os.fsdecode(path), tiny, device="cpu")
    session.add(5, 5, ab=(1.0, 2.0))
    session.save(tmp_path / "h.json")
    json.dumps(session.to_json(), ensure_ascii=False).encode()
    session.export(os.fsdecode(path.replace(b".png", b"_colour.png")))
    assert os.path.exists(path.replace(b".png", b"_colour.png"))  # noqa: PTH110
    assert session.mood_of(os.fsdecode(path)).source == "gro�mutter"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1, 2, 3, 4, 5, 6], "[1, 2, 3, 4, 5, ...]"),
        ({"a": {"b": [1]}}, "{'a': {'b': [1]}}"),
        (10**4000, "a huge number"),
        ("x" * 90, "'" + "x" * 79 + "..."),
        (None, "None"),
    ],
)
def test_values_are_shown_briefly(value, text):
    assert brief(value) == text
