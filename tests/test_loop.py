"""Training: it learns, it resumes exactly, and what goes wrong loses nothing."""

import csv
import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from skimage import data

from ipycolorize.color import rgb_to_lab
from ipycolorize.models.weights import load_model
from ipycolorize.protocol import square
from ipycolorize.training.data import Photographs
from ipycolorize.training.loop import TrainConfig, Trainer, TrainingError, learning_rate, validate
from ipycolorize.training.losses import huber, soft_cross_entropy
from ipycolorize.training.simulate import simulate_hints


@pytest.fixture(scope="module")
def photographs(small):
    astronaut, coffee = data.astronaut()[::4, ::4], data.coffee()[::4, ::4]
    return Photographs(tuple(np.ascontiguousarray(rgb) for rgb in (small, astronaut, coffee)), {})


@pytest.fixture
def start(make_live, photographs, tmp_path):
    """A trainer of a new tiny network: always the same one."""

    def make(folder="run", *, network=None, validation=None, **config):
        config = {"steps": 6, "batch": 2, "crop": 32, "warmup": 2, "most": 20, **config}
        network = make_live(answers=False) if network is None else network
        return Trainer(network, photographs, TrainConfig(**config), tmp_path / folder, validation=validation)

    return make


class Interrupt:
    """Ctrl-C after a number of records."""

    def __init__(self, after):
        self.left = after

    def __call__(self, record):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def everything(trainer):
    """All numbers that decide how training goes on."""
    state = trainer.optimizer.state_dict()["state"]
    return [
        *trainer.network.state_dict().values(),
        *trainer.average.state_dict().values(),
        *(value for _, moments in sorted(state.items()) for _, value in sorted(moments.items())),
        trainer.generator.get_state(),
        torch.tensor(trainer.step),
    ]


def same(one, two):
    return all(torch.equal(a, b) for a, b in zip(everything(one), everything(two), strict=True))


# --- learning ----------------------------------------------------------------------------------------------


def test_training_lowers_both_losses(start):
    def measured():
        """Both losses of the same crops and hints."""
        draw = torch.Generator().manual_seed(123)
        lab = rgb_to_lab(trainer.photographs.batch(16, crop=32, generator=draw))
        hints = simulate_hints(lab[:, 1:], torch.arange(16) % 4, generator=draw)
        with torch.no_grad():
            ab, logits = trainer.network.train()(lab[:, :1], hints)
        return (
            huber(ab, lab[:, 1:], delta=10).item(),
            soft_cross_entropy(logits, lab[:, 1:], trainer.bins).item(),
        )

    trainer = start(steps=30, batch=4, rate=1e-2, blank=0.0, many=0.0)
    before = measured()
    trainer.run(progress=False)
    after = measured()
    assert after[0] < 0.85 * before[0]
    assert after[1] < 0.7 * before[1]


def test_the_rate_warms_up_and_falls(start):
    config = TrainConfig(steps=100, warmup=10, rate=2e-3)
    rates = [learning_rate(step, step / 100, config) for step in range(101)]
    assert rates[0] == pytest.approx(2e-4)
    assert np.argmax(rates) == 9
    assert rates[9] == pytest.approx(2e-3 * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * 0.09))))
    assert rates[100] == pytest.approx(2e-5)
    assert all(a > b for a, b in pairwise(rates[9:]))
    assert learning_rate(500, 1.7, config) == pytest.approx(2e-5)  # a step may end after the budget
    assert learning_rate(0, 0.0, TrainConfig(steps=1, warmup=0)) == pytest.approx(1e-3)


def test_the_rate_of_the_optimiser_follows_the_steps(start):
    trainer = start(steps=6)
    rates = [record.rate for record in trainer.run(every_seconds=0, progress=False)]
    assert rates == [learning_rate(step, step / 6, trainer.config) for step in range(6)]
    assert trainer.optimizer.param_groups[0]["lr"] == rates[-1]


def test_minutes_are_a_budget_too(start):
    trainer = start(steps=None, minutes=0.005)
    trainer.run(progress=False)
    assert trainer.seconds >= 0.3
    assert trainer.step >= 1
    assert trainer.history[-1].step == trainer.step


@pytest.mark.parametrize("budget", [{}, {"minutes": 1.0, "steps": 5}])
def test_the_budget_is_minutes_or_steps(budget):
    with pytest.raises(ValueError, match="either minutes or steps, got"):
        TrainConfig(**budget)


def test_no_budget_is_no_training(start):
    trainer = start(steps=0)
    before = [value.clone() for value in everything(trainer)]
    assert trainer.run(progress=False) == []
    assert all(torch.equal(a, b) for a, b in zip(before, everything(trainer), strict=True))


def test_the_average_follows_the_network_slowly(start):
    trainer = start(steps=8, rate=1e-2, warmup=1)
    first = [value.clone() for value in trainer.average.parameters()]
    trainer.run(progress=False)
    moved = sum((a - b).norm() for a, b in zip(trainer.network.parameters(), first, strict=True))
    followed = sum((a - b).norm() for a, b in zip(trainer.average.parameters(), first, strict=True))
    assert 0 < followed < moved
    assert not any(value.requires_grad for value in trainer.average.parameters())


def test_validation_is_the_mean_psnr_by_number_of_points(make_live, photographs):
    images = torch.stack([square(rgb, 64) for rgb in photographs.images])
    scores = validate(make_live(answers=False), images)
    assert list(scores) == ["0", "1", "10", "100", "all"]
    assert 10 < scores["0"] < scores["10"] < scores["100"] < scores["all"] < 60
    assert validate(make_live(answers=False), images) == scores


# --- files -------------------------------------------------------------------------------------------------


def test_a_run_leaves_log_checkpoint_and_weights(start, photographs, tmp_path):
    images = torch.stack([square(rgb, 32) for rgb in photographs.images])
    trainer = start(validation=images)
    history = trainer.run(every_seconds=0, progress=False)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "average.safetensors",
        "checkpoint.pt",
        "log.csv",
    ]
    with (tmp_path / "run" / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [float(row["huber"]) for row in rows] == [record.huber for record in history]
    assert int(rows[-1]["examples"]) == 12
    assert json.loads(rows[-1]["psnr"]).keys() == {"0", "1", "10", "100", "all"}
    assert [json.loads(row["psnr"]) for row in rows] == [record.psnr for record in history]
    shipped = load_model(tmp_path / "run" / "average.safetensors")
    for name, value in trainer.average.state_dict().items():
        torch.testing.assert_close(shipped.state_dict()[name], value, atol=1e-3, rtol=1e-3)
    with safe_open(tmp_path / "run" / "average.safetensors", framework="pt") as file:
        assert file.metadata()["examples"] == "12"


def test_the_log_means_over_all_steps_since_the_last_line(start):
    each = start("one").run(every_seconds=0, progress=False)
    (whole,) = start("two").run(every_seconds=1e9, progress=False)
    assert whole.step == 6
    for loss in ("huber", "cross_entropy"):
        assert getattr(whole, loss) == pytest.approx(
            np.mean([getattr(record, loss) for record in each]), abs=2e-4
        )


# --- going on ----------------------------------------------------------------------------------------------


def test_two_runs_of_the_same_seed_are_the_same(start):
    one, two, other = start("one"), start("two"), start("three", seed=1)
    for trainer in (one, two, other):
        trainer.run(progress=False)
    assert same(one, two)
    assert not same(one, other)


def test_an_interrupted_run_goes_on_exactly(start, make_live):
    whole = start("whole")
    whole.run(every_seconds=0, progress=False)
    start("apart").run(every_seconds=0, progress=False, on_record=Interrupt(2))
    torch.manual_seed(99)
    resumed = start("apart", network=make_live(answers=True, seed=5))  # its values do not matter
    assert resumed.step == 2
    resumed.run(every_seconds=0, progress=False, on_record=Interrupt(3))
    again = start("apart")
    assert again.step == 5
    again.run(every_seconds=0, progress=False)
    assert same(whole, again)
    assert [record.step for record in again.history] == [1, 2, 3, 4, 5, 6]
    for mine, theirs in zip(whole.history, again.history, strict=True):
        assert (mine.huber, mine.cross_entropy, mine.rate) == (
            theirs.huber,
            theirs.cross_entropy,
            theirs.rate,
        )


def test_ctrl_c_between_log_lines_loses_no_step(start):
    trainer = start(steps=50)
    done = trainer._train_step

    def interrupted():
        if trainer.step == 3:
            raise KeyboardInterrupt
        return done()

    trainer._train_step = interrupted
    assert trainer.run(every_seconds=1e9, progress=False) == []
    assert start(steps=50).step == 3


def test_a_finished_run_stays_as_it_is(start):
    first = start()
    history = first.run(progress=False)
    again = start()
    assert again.run(progress=False) == history
    assert same(first, again)


def test_another_configuration_is_refused_by_name(start, tmp_path):
    start(batch=2, rate=1e-3).run(progress=False)
    before = (tmp_path / "run" / "checkpoint.pt").read_bytes()
    with pytest.raises(
        TrainingError, match=r"another config \(batch: 2 there, 4 here, rate: 0\.001 there, 0\.01 here\)"
    ):
        start(batch=4, rate=1e-2)
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == before


def test_a_run_may_be_prolonged(start):
    first = start(steps=6)
    first.run(progress=False)
    assert first.finished
    longer = start(steps=9)
    assert not longer.finished
    longer.run(progress=False)
    assert (longer.step, longer.finished) == (9, True)


def test_another_network_is_refused_by_name(start, make_live):
    start().run(progress=False)
    with pytest.raises(TrainingError, match=r"another network \(heads: 4 there, 2 here\)"):
        start(network=make_live(heads=2))


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04" + bytes(100)])
def test_a_damaged_checkpoint_is_an_error_not_a_new_start(start, tmp_path, content):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoint.pt").write_bytes(content)
    with pytest.raises(TrainingError, match=r"expected a checkpoint, but .*checkpoint\.pt is damaged"):
        start()


# --- what goes wrong ---------------------------------------------------------------------------------------


def checkpointed(start, tmp_path, **config):
    """A run that has been interrupted after two good steps, and the bytes of its checkpoint."""
    start(**config).run(every_seconds=0, progress=False, on_record=Interrupt(2))
    return start(**config), (tmp_path / "run" / "checkpoint.pt").read_bytes()


def test_a_loss_that_is_not_finite_stops_and_keeps_the_checkpoint(start, tmp_path):
    trainer, good = checkpointed(start, tmp_path)
    trainer.network.to_auto.bias.data.fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"loss became nan at step 2; lower the learning rate \(0\.001\)"):
        trainer.run(every_seconds=0, progress=False)
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == good
    assert start().step == 2


def test_a_gradient_that_is_not_finite_never_reaches_the_parameters(start, tmp_path):
    trainer, good = checkpointed(start, tmp_path)
    trainer.network.to_auto.weight.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(TrainingError, match="gradient became"):
        trainer.run(every_seconds=0, progress=False)
    assert all(torch.isfinite(value).all() for value in trainer.network.parameters())
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == good


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full to stand for a full disk")
def test_a_full_disk_is_named_and_keeps_the_checkpoint(start, tmp_path):
    trainer, good = checkpointed(start, tmp_path)
    (tmp_path / "run" / "checkpoint.partial").symlink_to("/dev/full")
    with pytest.raises(
        TrainingError, match=r"cannot write to .*run.* is the disk full\? The last checkpoint is kept"
    ):
        trainer.run(every_seconds=0, progress=False)
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == good
    assert not (tmp_path / "run" / "checkpoint.partial").is_symlink()
    assert start().step == 2


def test_a_folder_that_went_away_is_named(start, tmp_path):
    trainer = start()
    (tmp_path / "run").rmdir()
    with pytest.raises(TrainingError, match=r"cannot write to .*run"):
        trainer.run(progress=False)
