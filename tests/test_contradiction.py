"""However hints contradict each other, no colour comes up that nobody asked for; and how far a hint acts."""

import json

import numpy as np
import pytest
import torch
from scenes import photo, random_hints

from ipycolorize import Session
from ipycolorize.hint_batch import HintBatch
from ipycolorize.hints import EVERYWHERE, SPOT, HintError
from ipycolorize.influence import influence
from ipycolorize.models.ridge import ridge

TRIANGLE = ((10.0, 10.0), (10.0, 50.0), (60.0, 10.0))


def bounds(automatic, colours, room=10.0):
    """Of each pixel: (2, h, w) least and most."""
    low = torch.minimum(automatic, colours.amin(0)[:, None, None])
    high = torch.maximum(automatic, colours.amax(0)[:, None, None])
    return low - room, high + room


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("spread", [0.0, 2.0, 30.0])
@torch.inference_mode()
def test_no_colour_that_nobody_asked_for(tiny, seed, spread):
    """Sixty hints of any colours, on one pixel, close together, or anywhere."""
    draw = torch.Generator().manual_seed(seed)
    place = (32 + spread * torch.randn(2, 1, 60, generator=draw)).clamp(0, 63)
    ab = torch.rand(1, 60, 2, generator=draw) * 180 - 90
    ones = torch.ones(1, 60)
    hints = HintBatch.of_points(place[0], place[1], 5 * ones, ab, ones, shape=(64, 64))
    features = tiny.encode(photo(64, 64))
    automatic = tiny.decode(features, HintBatch.empty(shape=(64, 64))).ab[0]
    low, high = bounds(automatic, ab[0])
    found = tiny.decode(features, hints).ab[0]
    assert (found >= low).all() and (found <= high).all()


@torch.inference_mode()
def test_what_is_revealed_everywhere_is_bounded_by_what_is_revealed(tiny):
    truth = torch.rand(1, 2, 64, 64, generator=torch.Generator().manual_seed(1)) * 160 - 80
    found = tiny.decode(tiny.encode(photo(64, 64)), HintBatch.revealed(truth)).ab
    assert found.abs().max() <= 88.1


def test_contradictions_get_no_answer_and_the_rest_its_own():
    """Two hints with equal rows of weights and opposite lacks; a third by itself."""
    weights = torch.tensor([[[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 0.9]]])
    lack = torch.tensor([[[1.0], [-1.0], [0.5]]])
    found = ridge(weights, lack)[0, :, 0]
    torch.testing.assert_close(found, torch.tensor([0.0, 0.0, 0.45 / (0.81 + 0.02)]), atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_the_order_of_hints_changes_nothing(tiny):
    hints = random_hints(64, 64, points=12, size=1.0)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(3))
    parts = (value[:, order] for value in (hints.row, hints.col, hints.size, hints.ab, hints.weight))
    turned = HintBatch.of_points(*parts, shape=(64, 64))
    features = tiny.encode(photo(64, 64))
    torch.testing.assert_close(
        tiny.decode(features, turned).ab, tiny.decode(features, hints).ab, atol=0.02, rtol=0
    )


def test_of_two_hints_on_one_pixel_the_later_counts(tiny, crop):
    both, later = Session(crop, tiny), Session(crop, tiny)
    both.add(40, 60, ab=(-50.0, 40.0))
    both.add(40, 60, ab=(50.0, -20.0))
    later.add(40, 60, ab=(50.0, -20.0))
    assert np.array_equal(both.rgb(), later.rgb())


def test_influence_knows_the_hints_that_count_and_the_vividness(tiny, crop):
    session = Session(crop, tiny, vividness=0.6)
    session.add(40, 60, ab=(-50.0, 40.0))
    kept = (session.add(40, 60, ab=(50.0, -20.0)), session.add(10, 10, ab=(5.0, 5.0)))
    found = influence(session, "weights")
    assert set(found.hints) == set(kept) and len(found.maps) == 2
    asked = session.painter.asked(session.mood)
    assert asked == {"vividness": 0.6}
    with torch.inference_mode():
        batch = session.painter.batch(found.hints)
        shares = tiny.weights(session.painter.features(), batch, **asked)
    height, width = session.frame.grid
    large = torch.nn.functional.interpolate(shares, scale_factor=2, mode="bilinear")[0, :, :height, :width]
    np.testing.assert_allclose(found.maps, large.numpy(), atol=1e-6)


# --- reach -------------------------------------------------------------------------------------------------


def changed(session):
    """How much of the picture differs from the automatic one by more than 5 ab units."""
    painter = session.painter
    step = painter.ab(session.hints, session.mood) - painter.ab((), session.mood)
    return float((step.norm(dim=0) > 5).float().mean())


def test_more_reach_colours_more(tiny, china):
    session = Session(np.ascontiguousarray(china[::2, ::2]), tiny)
    hint = session.add(60, 200, ab=(40.0, -40.0), reach=SPOT)
    shares = [changed(session)]
    for reach in (0.25, 0.5, 0.75, EVERYWHERE):
        session.limit(hint.id, reach=reach)
        shares.append(changed(session))
    assert shares == sorted(shares) and shares[0] < 0.5 * shares[-1]


def test_outside_its_region_a_hint_changes_nothing(tiny, crop):
    session = Session(crop, tiny)
    hint = session.add(20, 20, ab=(60.0, 30.0), reach=EVERYWHERE, size=1, region=TRIANGLE)
    before = Session(crop, tiny).painter.ab((), session.mood)
    step = (session.painter.ab(session.hints, session.mood) - before).norm(dim=0).numpy()
    scale = step.shape[0] / 90
    rows, cols = ((np.arange(side) + 0.5) / scale for side in step.shape)
    slack = 6  # pixels: half resolution, and the tail's three convolutions
    outside = (rows[:, None] - 10) / 50 + (cols[None] - 10) / 40 > 1 + slack / 30
    outside |= (rows[:, None] < 10 - slack) | (cols[None] < 10 - slack)
    assert step[outside].max() < 0.5 and step[int(20 * scale), int(20 * scale)] > 5
    whole = Session(crop, tiny)
    whole.add(20, 20, ab=(60.0, 30.0), reach=EVERYWHERE, size=1)
    assert changed(whole) > changed(session)
    session.limit(hint.id, region=())
    assert np.array_equal(session.rgb(), whole.rgb())


def test_reach_and_region_are_saved_and_undone(tiny, crop, tmp_path):
    session = Session(crop, tiny)
    hint = session.add(20, 20, ab=(60.0, 30.0))
    plain = json.loads(json.dumps(session.to_json()))
    assert plain["version"] == 1 and "reach" not in plain["hints"][0]
    session.limit(hint.id, reach=0.2, region=TRIANGLE)
    picture = session.rgb()
    session.save(tmp_path / "hints.json")
    assert json.loads((tmp_path / "hints.json").read_text())["version"] == 3
    session.undo()
    assert session.hints[hint.id].reach == 0.5 and session.hints[hint.id].region is None
    session.load(tmp_path / "hints.json")
    assert np.array_equal(session.rgb(), picture)


def test_a_region_is_scaled_with_the_photograph(tiny, crop, tmp_path):
    session = Session(crop, tiny)
    session.add(20, 20, ab=(60.0, 30.0), region=TRIANGLE)
    session.save(tmp_path / "hints.json")
    larger = Session(np.ascontiguousarray(crop.repeat(2, 0).repeat(2, 1)), tiny)
    larger.load(tmp_path / "hints.json")
    assert next(iter(larger.hints)).region == tuple((2 * row, 2 * col) for row, col in TRIANGLE)


@pytest.mark.parametrize(("limits", "words"), [
    ({"reach": 1.2}, r"expected a reach within 0\.\.1"),
    ({"reach": float("nan")}, r"expected a reach within 0\.\.1"),
    ({"region": TRIANGLE[:2]}, "expected a region of 3 to 1000 corners, got 2"),
    ({"region": [(0, 0), (0, 500), (10, 10)]}, "expected a region inside the photograph.*col 500"),
    ({"region": [(-1, 0), (0, 50), (10, 10)]}, "expected a region inside the photograph.*row -1"),
    ({"region": [1, 2, 3]}, r"expected a region as \(row, col\) of its corners"),
    ({"region": [(0, float("nan")), (0, 50), (10, 10)]}, "expected a region"),
])  # fmt: skip
def test_impossible_limits_are_refused_and_nothing_changes(tiny, crop, limits, words):
    session = Session(crop, tiny)
    with pytest.raises(HintError, match=words):
        session.add(20, 20, ab=(60.0, 30.0), **limits)
    hint = session.add(20, 20, ab=(60.0, 30.0))
    with pytest.raises(HintError, match=words):
        session.limit(hint.id, **limits)
    assert session.hints[hint.id] == hint
