"""Ways over a photograph: both algorithms, and what the distances are for."""

import math

import pytest
import torch
from sklearn.datasets import load_sample_image

from ipycolorize.color import rgb_to_lab
from ipycolorize.models.geodesic import Ways, border_cost, lightness_range, sweep


@pytest.fixture(scope="module")
def cost():
    """(1, 40, 48) of a photograph."""
    rgb = torch.tensor(load_sample_image("china.jpg")[100:260, 100:292]).permute(2, 0, 1)[None]
    return lightness_range(rgb_to_lab(rgb)[:, :1])[:, 0]


def test_a_cell_costs_what_lightness_changes_in_it():
    lightness = torch.full((1, 1, 16, 16), 40.0)
    lightness[..., 5:7, :] = 90.0  # a line of two pixels in the second row of cells
    found = lightness_range(lightness)[0, 0]
    expected = torch.tensor([0.0, 0.5, 0.0, 0.0])[:, None].expand(4, 4)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(("change", "cost"), [
    (5.0, 0.0), (30.0, 0.2), (50.0, 0.4), (100.0, 0.9 + 60 * 0.5**2),
])  # fmt: skip
def test_texture_costs_nothing_and_ink_is_a_wall(change, cost):
    lightness = torch.zeros(1, 1, 4, 4)
    lightness[..., 1, 1] = change
    assert border_cost(lightness).item() == pytest.approx(cost, abs=1e-5)


def test_an_edge_between_two_cells_costs_once():
    lightness = torch.zeros(1, 1, 8, 8)
    lightness[..., 4:, :] = 100.0
    way = Ways(lightness_range(lightness)[0, 0]).distance([0])[0]
    assert way[1, 0].item() == pytest.approx(0.5, abs=1e-5)  # a step costs the mean of its cells


def test_sweeps_come_to_the_shortest_ways(cost):
    cols = cost.shape[2]
    row, col = torch.tensor([3, 20, 39, 11]), torch.tensor([40, 7, 0, 47])
    exact = Ways(cost[0]).distance((row * cols + col).tolist())
    swept = sweep(cost, torch.zeros(4, dtype=torch.long), row, col, rounds=12)
    torch.testing.assert_close(swept, exact, atol=1e-4, rtol=1e-4)
    quick = sweep(cost, torch.zeros(4, dtype=torch.long), row, col)
    assert ((quick - exact) / (exact + 0.05)).mean() < 0.02


def test_a_short_way_is_the_sum_of_its_steps():
    cost = torch.tensor([[1.0, 2.0, 9.0], [9.0, 4.0, 1.0]])
    way = Ways(cost).distance([0])[0]
    expected = torch.tensor([
        [0.0, 1.5, 1.5 + 5.5], [5.0, math.sqrt(2) * 2.5, 1.5 + math.sqrt(2) * 1.5],
    ])  # fmt: skip
    torch.testing.assert_close(way, expected)


def test_flat_areas_are_walked_for_nothing():
    assert Ways(torch.zeros(12, 12)).distance([5]).max() < 1e-3


def test_gradients_of_sweeps_are_those_of_the_distance(cost):
    small = cost[:, :6, :7].double() + 0.01 * torch.rand(1, 6, 7, generator=torch.Generator().manual_seed(1))
    small.requires_grad_()
    picture, row, col = torch.zeros(2, dtype=torch.long), torch.tensor([1, 4]), torch.tensor([2, 6])
    assert torch.autograd.gradcheck(lambda values: sweep(values, picture, row, col), (small,))


def test_each_distance_is_computed_once_and_few_are_kept(cost, monkeypatch):
    import ipycolorize.models.geodesic as module

    asked = []
    original = module.dijkstra
    monkeypatch.setattr(
        module, "dijkstra", lambda graph, indices: asked.append(indices) or original(graph, indices=indices)
    )
    ways = Ways(cost[0], most=3)
    first = ways.distance([5, 6])
    assert torch.equal(ways.distance([6, 5]), first.flip(0))
    ways.distance([7, 8])  # too many: those of before go
    assert torch.equal(ways.distance([5])[0], first[0])
    assert asked == [[5, 6], [7, 8], [5]]
