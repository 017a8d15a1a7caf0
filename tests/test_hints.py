"""Hints as values, as JSON, and as tensors; the raster against plain loops."""

import json
import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch

from ipycolorize.hint_batch import HintBatch
from ipycolorize.hints import FORMAT, STROKE_WEIGHT, Hint, HintError, Hints
from ipycolorize.raster import rasterize

SHAPE = (60, 80)


def some(*points):
    """Hints at (row, col) or (row, col, ab) or (row, col, ab, size)."""
    hints = Hints()
    for row, col, *rest in points:
        ab, size = (*rest, 7)[:2] if rest and len(rest) > 1 else (rest[0] if rest else (10.0, -20.0), 7)
        hints, _ = hints.add(row, col, ab, size=size)
    return hints


# --- values ------------------------------------------------------------------------------------------------


def test_every_change_leaves_the_old_value():
    first = some((1, 2), (3, 4))
    for changed in (
        first.add(5, 6, (1, 1), size=3)[0],
        first.move(1, 9, 9),
        first.recolor(2, (5, 5)),
        first.resize(2, 11),
        first.remove(1),
    ):
        assert changed != first
    assert first == some((1, 2), (3, 4))
    with pytest.raises(FrozenInstanceError):
        first.items = ()
    with pytest.raises(FrozenInstanceError):
        first[1].row = 3


def test_a_change_touches_one_hint_and_one_property():
    hints = some((1, 2), (3, 4), (5, 6))
    assert hints.move(2, 30, 40)[2] == Hint(2, 30, 40, 10.0, -20.0, 7)
    assert hints.recolor(2, (1, 2))[2] == Hint(2, 3, 4, 1.0, 2.0, 7)
    assert hints.resize(2, 9)[2] == Hint(2, 3, 4, 10.0, -20.0, 9)
    for changed in (hints.move(2, 30, 40), hints.recolor(2, (1, 2)), hints.resize(2, 9)):
        assert (changed[1], changed[3]) == (hints[1], hints[3])
        assert [hint.id for hint in changed] == [1, 2, 3]


def test_hints_are_a_collection_by_id():
    hints = some((1, 2), (3, 4)).remove(1)
    assert len(hints) == 1
    assert [hint.id for hint in hints] == [2]
    assert 2 in hints
    assert 1 not in hints
    with pytest.raises(KeyError, match=r"no hint 1; present: \[2\]"):
        hints[1]


def test_ids_are_never_used_twice():
    hints, third = some((1, 1), (2, 2)).remove(2).add(2, 2, (0, 0), size=1)
    hints, fourth = hints.add(3, 3, (0, 0), size=1)
    assert (third.id, fourth.id) == (3, 4)
    assert [hint.id for hint in hints] == [1, 3, 4]


def test_a_hint_holds_plain_numbers():
    hints, hint = Hints().add(np.int64(3), np.int32(4), np.array([1.5, 2.5], np.float32), size=np.int64(7))
    kinds = [int, int, int, float, float, int, float, float, type(None)]
    assert [type(value) for value in vars(hint).values()] == kinds
    json.dumps(hints.to_json(shape=SHAPE))


@pytest.mark.parametrize("ab", [(129, 0), (0, -128.1), (math.nan, 0), (0, math.inf)])
def test_an_impossible_colour_is_refused(ab):
    with pytest.raises(HintError, match=r"a and b within -128\.\.128, got"):
        Hints().add(1, 1, ab, size=7)
    with pytest.raises(HintError, match=r"within -128\.\.128"):
        some((1, 1)).recolor(1, ab)


@pytest.mark.parametrize("size", [0, -3, 0.5])
def test_an_impossible_size_is_refused(size):
    with pytest.raises(HintError, match="patch size of at least 1 pixel, got"):
        Hints().add(1, 1, (0, 0), size=size)


def test_at_finds_the_nearest_within_reach():
    hints = some((10, 10), (10, 20), (30, 30))
    assert hints.at(10, 13, radius=8).id == 1
    assert hints.at(10, 16, radius=8).id == 2
    assert hints.at(30, 33, radius=3).id == 3  # exactly on the border
    assert hints.at(30, 33.1, radius=3) is None
    assert Hints().at(1, 1, radius=100) is None


def test_at_prefers_the_newer_of_equals():
    assert some((10, 10), (10, 10)).at(10, 10, radius=1).id == 2
    assert some((10, 10), (10, 20)).at(10, 15, radius=9).id == 2


# --- strokes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "size", "places"),
    [
        ([(3, 0), (3, 30)], 10, [(3, 0), (3, 10), (3, 20), (3, 30)]),
        ([(0, 0), (0, 10), (10, 10)], 5, [(0, 0), (0, 5), (0, 10), (5, 10), (10, 10)]),  # round the corner
        ([(0, 0), (0, 30), (10, 30)], 10, [(0, 0), (0, 10), (0, 20), (0, 30), (10, 30)]),  # of uneven legs
        ([(20, 0), (8, 0)], 1, [(20, 0), (16, 0), (12, 0), (8, 0)]),  # a fine brush, upwards
        ([(0, 0), (0, 28)], 10, [(0, 0), (0, 9), (0, 19), (0, 28)]),  # both ends, evenly
        ([(0, 0), (30, 40)], 25, [(0, 0), (15, 20), (30, 40)]),
        ([(5, 6)], 9, [(5, 6)]),
        ([(5, 6), (5, 6), (5, 8)], 9, [(5, 6)]),  # shorter than the brush: a dab
        ([(5, 6), (5, 6), (5, 24), (5, 24)], 9, [(5, 6), (5, 15), (5, 24)]),  # a mouse that rested
        ([(0.4, 0.6), (0.4, 8.6)], 4, [(0, 1), (0, 5), (0, 9)]),
    ],
)
def test_a_stroke_is_a_row_of_weak_points(path, size, places):
    before = some((1, 2))
    after, painted = before.stroke(path, (30.0, -40.0), size=size)
    assert [(hint.row, hint.col) for hint in painted] == places
    assert {(hint.ab, hint.size, hint.weight) for hint in painted} == {((30.0, -40.0), size, STROKE_WEIGHT)}
    assert after.items == (*before.items, *painted)
    assert [hint.id for hint in after] == list(range(1, len(places) + 2))
    assert after.next_id == len(places) + 2
    assert before == some((1, 2))


def test_a_stroke_along_a_curve_is_evenly_spaced():
    angle = np.linspace(0, np.pi, 400)
    arc = list(zip(300 - 200 * np.sin(angle), 300 + 200 * np.cos(angle), strict=True))
    _, painted = Hints().stroke(arc, (1, 1), size=12)
    assert len(painted) == 1 + round(np.pi * 200 / 12)
    places = np.array([(hint.row, hint.col) for hint in painted])
    assert np.abs(np.hypot(*(places - 300).T) - 200).max() < 1  # on the line
    gaps = np.hypot(*np.diff(places, axis=0).T)
    assert np.abs(gaps - 12).max() < 1.5


def test_a_stroke_survives_json_and_shows_in_the_raster():
    hints, painted = some((1, 2)).stroke([(30, 5), (30, 75)], (30.0, -40.0), size=5)
    assert Hints.from_json(json.dumps(hints.to_json(shape=SHAPE)), shape=SHAPE) == hints
    row, col, size, weight = (
        torch.tensor([[float(getattr(hint, name)) for hint in painted]])
        for name in ("row", "col", "size", "weight")
    )
    ab = torch.tensor([[hint.ab for hint in painted]])
    mask, raster = rasterize(row, col, size, ab, weight, shape=SHAPE)
    assert mask[0, 0, 28:33, 5:76].all()  # without gaps
    assert torch.equal(raster[0, :, 30, 40], torch.tensor([30.0, -40.0]))


@pytest.mark.parametrize("path", [[], [(1, 2, 3)], [1, 2], [(1, math.nan)], [(1, 2), (math.inf, 0)]])
def test_a_stroke_without_a_proper_path_is_refused(path):
    with pytest.raises(HintError, match=r"expected a path of \(row, col\) places, got"):
        Hints().stroke(path, (0, 0), size=5)


def test_a_stroke_of_an_impossible_colour_or_size_is_refused():
    with pytest.raises(HintError, match=r"within -128\.\.128"):
        Hints().stroke([(1, 2)], (0, 200), size=5)
    with pytest.raises(HintError, match="patch size of at least 1"):
        Hints().stroke([(1, 2)], (0, 0), size=0)


# --- JSON --------------------------------------------------------------------------------------------------


def saved(**changes):
    return {**some((1, 2), (30, 40, (-50.25, 60.125), 3)).to_json(shape=SHAPE), **changes}


def point(**changes):
    return {"row": 1, "col": 2, "ab": [1.0, 2.0], "size": 7, **changes}


def test_json_round_trip():
    hints = some((1, 2), (30, 40, (-50.25, 60.125), 3), (59, 79, (0.0, 0.0), 1))
    text = json.dumps(hints.to_json(shape=SHAPE))
    for source in (hints.to_json(shape=SHAPE), text, text.encode()):
        assert Hints.from_json(source, shape=SHAPE) == hints


def test_json_says_what_it_is():
    data = saved()
    assert data["format"] == FORMAT == "ipycolorize-hints"
    assert data["version"] == 1
    assert data["shape"] == [60, 80]


def test_json_of_another_resolution_is_scaled():
    hints = some((0, 0), (30, 40, (5.0, 6.0), 7), (59, 79, (1.0, 2.0), 1))
    doubled = Hints.from_json(hints.to_json(shape=SHAPE), shape=(120, 160))
    # a pixel's centre is at its integer coordinate, so pixel r covers 2 r and 2 r + 1; its centre 2 r + 0.5
    assert [(hint.row, hint.col, hint.size) for hint in doubled] == [(1, 1, 14), (61, 81, 14), (119, 159, 2)]
    assert [hint.ab for hint in doubled] == [hint.ab for hint in hints]
    back = Hints.from_json(doubled.to_json(shape=(120, 160)), shape=SHAPE)
    assert [(hint.row, hint.col, hint.size) for hint in back] == [(0, 0, 7), (30, 40, 7), (59, 79, 1)]


def test_json_of_another_resolution_stays_inside():
    corners = some((0, 0), (0, 79), (59, 0), (59, 79))
    for shape in ((6, 8), (61, 81), (599, 799)):
        for hint in Hints.from_json(corners.to_json(shape=SHAPE), shape=shape):
            assert 0 <= hint.row < shape[0]
            assert 0 <= hint.col < shape[1]
            assert hint.size >= 1


BAD = {
    "text": ("not JSON {", "saved as JSON, got text that is not JSON"),
    "deep text": ("[" * 200_000, "not JSON"),
    "bytes": (b"\xff\xfe\x00\x01\xff", "not JSON"),
    "list": ([1, 2], '"format": "ipycolorize-hints"'),
    "none": (None, "got something else"),
    "another format": (saved(format="geojson"), "got something else"),
    "another version": (saved(version=4), "version 1 to 3, got version 4; update ipycolorize"),
    "no version": (saved(version=None), "got version None"),
    "another aspect": (
        saved(shape=[80, 60]),
        r"60 x 80, got hints set on 80 x 60 pixels; open that photograph",
    ),
    "no size at all": (saved(shape=[0, 0]), r'"shape": \[height, width\], got \[0, 0\]'),
    "three sides": (saved(shape=[1, 2, 3]), r"got \[1, 2, 3\]"),
    "an infinite side": (saved(shape=[math.inf, 3]), r"got \[inf, 3\]"),
    "shape of words": (saved(shape="large"), "got 'large'"),
    "hints missing": (
        {key: value for key, value in saved().items() if key != "hints"},
        "a list of points, got None",
    ),
    "hints no list": (saved(hints=5), "a list of points, got 5"),
    "no dict": (saved(hints=[point(), 5]), r"hint 2: expected \{.*got 5"),
    "no row": (saved(hints=[{"col": 1}]), r"hint 1: expected .*KeyError: 'row'"),
    "outside": (
        saved(hints=[point(row=60)]),
        r"hint 1: expected a place inside .* row 0\.\.59 and col 0\.\.79, got row 60",
    ),
    "negative": (saved(hints=[point(col=-1)]), r"hint 1: expected a place inside"),
    "row no number": (saved(hints=[point(row="1")]), "hint 1: expected"),
    "row not finite": (saved(hints=[point(row=math.nan)]), "hint 1: expected a place inside"),
    "colour too strong": (
        saved(hints=[point(ab=[0, 200])]),
        r"hint 1: .*within -128\.\.128, got \(0\.0, 200\.0\)",
    ),
    "colour of three": (saved(hints=[point(ab=[0, 0, 0])]), "hint 1: expected"),
    "colour of one": (saved(hints=[point(ab=[0])]), "hint 1: expected"),
    "colour of text": (saved(hints=[point(ab="12")]), "hint 1: expected"),
    "colour none": (saved(hints=[point(ab=None)]), "hint 1: expected"),
    "colour not finite": (saved(hints=[point(ab=[math.inf, 0])]), "hint 1: .*within"),
    "size zero": (saved(hints=[point(size=0)]), "hint 1: expected a patch size of at least 1"),
    "size not finite": (saved(hints=[point(size=math.inf)]), "hint 1: expected"),
    "size nan": (saved(hints=[point(size=math.nan)]), "hint 1: expected a patch size"),
    "size text": (saved(hints=[point(size="7")]), "hint 1: expected"),
}


@pytest.mark.parametrize(("data", "text"), BAD.values(), ids=BAD)
def test_bad_json_is_a_hint_error_that_says_what(data, text):
    with pytest.raises(HintError, match=text):
        Hints.from_json(data, shape=SHAPE)


# --- the raster --------------------------------------------------------------------------------------------


def covered(centre, size, length):
    """Pixels of one axis that a patch covers, counted one by one."""
    home = round(centre)  # Python and torch round halves to even alike
    return [p for p in range(length) if centre - size / 2 <= p < centre + size / 2 or p == home]


def draw_plainly(row, col, size, ab, weight, *, shape):
    """The raster of one picture by loops: later points paint over earlier ones."""
    mask, raster = np.zeros((1, *shape)), np.zeros((2, *shape))
    for r, c, s, colour, w in zip(row, col, size, ab, weight, strict=True):
        if w > 0:
            for y in covered(r, s, shape[0]):
                for x in covered(c, s, shape[1]):
                    mask[0, y, x] = 1
                    raster[:, y, x] = colour
    return mask, raster


def check(row, col, size, weight, *, shape):
    ab = torch.rand(*row.shape, 2, generator=torch.Generator().manual_seed(9)) * 200 - 100
    mask, raster = rasterize(row, col, size, ab, weight, shape=shape)
    assert mask.shape == (len(row), 1, *shape)
    assert raster.shape == (len(row), 2, *shape)
    for n in range(len(row)):
        points = (value[n].tolist() for value in (row, col, size, ab, weight))
        expected_mask, expected = draw_plainly(*points, shape=shape)
        np.testing.assert_array_equal(mask[n], expected_mask)
        np.testing.assert_allclose(raster[n], expected, rtol=1e-6)


@pytest.mark.parametrize("size", range(1, 10))
def test_raster_of_whole_sizes_equals_loops(size):
    draw = torch.Generator().manual_seed(size)
    row = torch.randint(0, 20, (2, 12), generator=draw).float()
    col = torch.randint(0, 30, (2, 12), generator=draw).float()
    check(row, col, torch.full_like(row, size), torch.ones_like(row), shape=(20, 30))


@pytest.mark.parametrize("seed", range(5))
def test_raster_of_fractional_places_and_sizes_equals_loops(seed):
    draw = torch.Generator().manual_seed(seed)
    # eighths are exact in both; places reach beyond the border
    row = torch.randint(-8, 21 * 8, (3, 15), generator=draw) / 8
    col = torch.randint(-8, 13 * 8, (3, 15), generator=draw) / 8
    size = torch.randint(1, 9 * 8, (3, 15), generator=draw) / 8
    weight = torch.randint(0, 3, (3, 15), generator=draw) / 2
    check(row, col, size, weight, shape=(20, 12))


def test_raster_of_a_patch_larger_than_the_picture():
    for size in (50.0, 1e9, 1e30):  # without filling the memory
        one = torch.ones(1, 1)
        check(one * 5, one * 7, one * size, one, shape=(10, 12))


def test_raster_of_hints_beyond_the_picture_is_empty():
    one = torch.ones(1, 1)
    mask, raster = rasterize(one * 50, one * 70, one * 3, torch.ones(1, 1, 2), one, shape=(10, 12))
    assert not mask.any()
    assert not raster.any()


def test_the_later_of_two_overlapping_patches_wins():
    row, size, one = torch.tensor([[5.0, 7.0]]), torch.tensor([[5.0, 5.0]]), torch.ones(1, 2)
    ab = torch.tensor([[[10.0, 0.0], [20.0, 0.0]]])
    _, raster = rasterize(row, row, size, ab, one, shape=(12, 12))
    assert raster[0, 0, 5, 5] == 20
    assert raster[0, 0, 4, 9] == 0
    assert raster[0, 0, 3, 3] == 10
    _, swapped = rasterize(row.flip(1), row.flip(1), size, ab.flip(1), one, shape=(12, 12))
    assert swapped[0, 0, 5, 5] == 10


def test_a_grey_hint_shows_in_the_mask():
    one = torch.ones(1, 1)
    mask, raster = rasterize(one * 3, one * 3, one, torch.zeros(1, 1, 2), one, shape=(8, 8))
    assert mask.sum() == 1
    assert not raster.any()


def test_padding_neither_draws_nor_hides():
    row, size = torch.tensor([[4.0, 4.0]]), torch.tensor([[3.0, 3.0]])
    ab = torch.tensor([[[10.0, 20.0], [90.0, 90.0]]])
    padded = HintBatch.of_points(row, row, size, ab, torch.tensor([[1.0, 0.0]]), shape=(9, 9))
    plain = HintBatch.of_points(
        row[:, :1], row[:, :1], size[:, :1], ab[:, :1], torch.ones(1, 1), shape=(9, 9)
    )
    assert torch.equal(padded.mask, plain.mask)
    assert torch.equal(padded.raster, plain.raster)


def test_an_empty_batch():
    batch = HintBatch.empty(shape=(5, 6), count=3)
    assert batch.row.shape == batch.weight.shape == (3, 0)
    assert batch.ab.shape == (3, 0, 2)
    assert batch.mask.shape == (3, 1, 5, 6)
    assert batch.raster.shape == (3, 2, 5, 6)
    assert not batch.mask.any()
    assert not batch.raster.any()


@pytest.mark.parametrize("shape", [(64, 64), (37, 51), (5, 9)])
def test_revealed_is_the_picture_and_points_of_it(shape):
    ab = torch.randn(2, 2, *shape, generator=torch.Generator().manual_seed(0))
    batch = HintBatch.revealed(ab, cells=8)
    assert torch.equal(batch.raster, ab)
    assert torch.equal(batch.mask, torch.ones(2, 1, *shape))
    assert batch.row.shape == (2, 64)
    for n in range(2):
        for k in range(64):
            row, col = int(batch.row[n, k]), int(batch.col[n, k])
            assert abs(row - ((k // 8 + 0.5) * shape[0] / 8 - 0.5)) <= 0.5
            assert abs(col - ((k % 8 + 0.5) * shape[1] / 8 - 0.5)) <= 0.5
            assert torch.equal(batch.ab[n, k], ab[n, :, row, col])
    assert torch.equal(batch.weight, torch.ones(2, 64))


def test_a_batch_moves_as_a_whole():
    batch = HintBatch.revealed(torch.zeros(1, 2, 8, 8)).to("meta")
    assert {value.device.type for value in vars(batch).values() if value is not None} == {"meta"}


# --- picture by picture ------------------------------------------------------------------------------------


def drawn(counts, *, seed, shape=(9, 11), dtype=torch.float32):
    """Random points of pictures, as many as `counts` says."""
    draw, most = torch.Generator().manual_seed(seed), max(counts)
    row, col = (torch.randint(side, (len(counts), most), generator=draw).to(dtype) for side in shape)
    ab = (torch.rand(len(counts), most, 2, generator=draw) * 100 - 50).to(dtype)
    weight = (torch.arange(most) < torch.tensor(counts)[:, None]).to(dtype) / 2
    return HintBatch.of_points(row, col, torch.full_like(row, 3), ab, weight, shape=shape)


@pytest.mark.parametrize("counts", [([2, 1, 3], [5, 4, 0]), ([5, 4, 0], [2, 1, 3]), ([2, 2, 2], [0, 0, 0])])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_where_takes_each_picture_from_its_batch(counts, dtype):
    first, second = drawn(counts[0], seed=1, dtype=dtype), drawn(counts[1], seed=2, dtype=dtype)
    both = HintBatch.where(torch.tensor([True, False, True]), first, second)
    points = max(*counts[0], *counts[1])
    assert both.row.shape == both.col.shape == both.size.shape == both.weight.shape == (3, points)
    assert both.ab.shape == (3, points, 2)
    assert {value.dtype for value in vars(both).values() if value is not None} == {dtype}
    for n, source in enumerate((first, second, first)):
        held = source.row.shape[1]
        for name in ("row", "col", "size", "ab", "weight"):
            assert torch.equal(getattr(both, name)[n, :held], getattr(source, name)[n])
        assert not both.weight[n, held:].any()
        assert torch.equal(both.mask[n], source.mask[n])
        assert torch.equal(both.raster[n], source.raster[n])
    mask, raster = rasterize(both.row, both.col, both.size, both.ab, both.weight, shape=(9, 11))
    assert torch.equal(mask, both.mask)  # padding draws nothing
    assert torch.equal(raster, both.raster)


def test_where_of_everything_and_nothing():
    ab = torch.randn(2, 2, 16, 16, generator=torch.Generator().manual_seed(0))
    revealed, empty = HintBatch.revealed(ab, cells=4), HintBatch.empty(shape=(16, 16), count=2)
    both = HintBatch.where(torch.tensor([False, True]), revealed, empty)
    assert both.weight.sum(1).tolist() == [0, 16]
    assert both.mask.mean((1, 2, 3)).tolist() == [0, 1]
    assert torch.equal(both.raster[1], ab[1])
    assert HintBatch.where(torch.tensor([True, True]), empty, empty).row.shape == (2, 0)
