"""Training: it learns, it resumes exactly, and what goes wrong loses nothing."""

import csv
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from skimage import data
from torch import nn

from ipycolorize.color import rgb_to_lab
from ipycolorize.global_hints import GlobalHints
from ipycolorize.locks import ClaimedError
from ipycolorize.models.siggraph17 import SIGGRAPH17
from ipycolorize.models.weights import load_model
from ipycolorize.processes import Processes
from ipycolorize.protocol import square
from ipycolorize.training import folder as folders
from ipycolorize.training import loop as module
from ipycolorize.training.config import Phase, TrainConfig, learning_rate
from ipycolorize.training.curves import read_log
from ipycolorize.training.data import Photographs
from ipycolorize.training.examples import draw, generator_of
from ipycolorize.training.loop import Trainer, TrainingError, validate
from ipycolorize.training.losses import huber, objective, soft_cross_entropy
from ipycolorize.training.simulate import simulate_hints


@pytest.fixture(scope="module")
def photographs(small):
    astronaut, coffee = data.astronaut()[::4, ::4], data.coffee()[::4, ::4]
    return Photographs(tuple(np.ascontiguousarray(rgb) for rgb in (small, astronaut, coffee)), {})


@pytest.fixture
def start(make_live, photographs, tmp_path):
    """A trainer of a new tiny network: always the same one."""

    def make(
        folder="run",
        *,
        network=None,
        validation=None,
        batch=2,
        crop=32,
        compile=None,
        overwrite=False,
        **config,
    ):
        phases = (Phase(0.0, crop, batch),)
        config = {"steps": 6, "phases": phases, "warmup": 2, "most": 20, **config}
        network = make_live(answers=False) if network is None else network
        return Trainer(
            network, photographs, TrainConfig(**config), tmp_path / folder, validation=validation,
            compile=compile, overwrite=overwrite,
        )  # fmt: skip

    return make


def at_step(trainer, step, action):
    """Do something in the middle of a step, while its network runs."""

    def hook(module, given):
        if trainer.step == step:
            action()

    trainer.network.register_forward_pre_hook(hook)


def stopped(start, step, **config):
    """A run that somebody stopped after so many steps."""
    trainer = start(**config)
    at_step(trainer, step - 1, trainer.stop)
    trainer.run(every_seconds=0, progress=False)
    assert trainer.step == step
    return trainer


def everything(trainer):
    """All numbers that decide how training goes on."""
    state = trainer.optimizer.state_dict()["state"]
    return [
        *trainer.network.state_dict().values(),
        *trainer.average.state_dict().values(),
        *(value for _, moments in sorted(state.items()) for _, value in sorted(moments.items())),
        torch.tensor(trainer.step),
    ]


def same(one, two):
    return all(torch.equal(a, b) for a, b in zip(everything(one), everything(two), strict=True))


# --- learning ----------------------------------------------------------------------------------------------


def test_training_lowers_all_losses(start):
    def measured():
        """The losses of the same crops and hints."""
        generator = torch.Generator().manual_seed(123)
        lab = rgb_to_lab(trainer.photographs.batch(16, crop=32, generator=generator))
        hints = simulate_hints(lab[:, 1:], torch.arange(16) % 4, generator=generator)
        with torch.no_grad():
            outputs = trainer.network.train()(lab[:, :1], hints)
        small = nn.functional.avg_pool2d(lab[:, 1:], 2)
        return (
            huber(outputs.ab, lab[:, 1:], delta=10).item(),
            soft_cross_entropy(outputs.logits, lab[:, 1:], trainer.bins).item(),
            huber(outputs.auto, small, delta=10).item(),
        )

    mixture = {"blank": 0.0, "many": 0.0, "strokes": 0.0, "unusual": 0.0, "aged": 0.0}
    trainer = start(steps=30, batch=4, rate=1e-2, **mixture)
    before = measured()
    trainer.run(progress=False)
    after = measured()
    assert after[0] < 0.85 * before[0]
    assert after[1] < 0.7 * before[1]
    assert after[2] < 0.97 * before[2]


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


def test_no_budget_is_no_training(start):
    trainer = start(steps=0)
    before = [value.clone() for value in everything(trainer)]
    assert trainer.run(progress=False) == []
    assert all(torch.equal(a, b) for a, b in zip(before, everything(trainer), strict=True))


def test_crops_grow_with_the_phases(start):
    trainer = start(phases=(Phase(0.0, 32, 3), Phase(0.5, 64, 1)), steps=4)
    shapes = []
    trainer.network.register_forward_pre_hook(lambda module, given: shapes.append(tuple(given[0].shape)))
    trainer.run(progress=False)
    assert shapes == [(3, 1, 32, 32)] * 2 + [(1, 1, 64, 64)] * 2
    assert trainer.examples == 8


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


def test_nothing_to_validate_with_is_an_error(start):
    with pytest.raises(ValueError, match="at least one photograph to validate with, got none"):
        start(validation=torch.zeros(0, 3, 32, 32, dtype=torch.uint8))


def test_the_published_bins_are_those_of_the_network(start, tmp_path):
    published = SIGGRAPH17(width=1, head="linear529")
    trainer = start(network=published, steps=1)
    (record,) = trainer.run(progress=False)
    assert record.cross_entropy == pytest.approx(np.log(529), abs=1.0)
    assert trainer.bins.centers.shape == (529, 2)
    assert record.auto == 0  # it has no automatic colours apart


def test_rebalancing_changes_the_cross_entropy_alone(start):
    (plain,) = start("plain", steps=1).run(progress=False)
    (balanced,) = start("balanced", steps=1, rebalance=0.5).run(progress=False)
    assert (balanced.huber, balanced.auto) == (plain.huber, plain.auto)
    assert balanced.cross_entropy != plain.cross_entropy


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")  # torch's own
@pytest.mark.slow
def test_a_compiled_network_learns_the_same(start):
    def trainer(folder, backend):
        torch.manual_seed(0)
        return start(folder, network=SIGGRAPH17(width=1), steps=2, compile=backend)

    plain, compiled = trainer("plain", None), trainer("compiled", "eager")
    assert compiled.run(progress=False)[-1].huber == pytest.approx(plain.run(progress=False)[-1].huber)
    state = torch.load(compiled.checkpoint, weights_only=True)
    assert state["network"].keys() == plain.network.state_dict().keys()
    assert trainer("compiled", None).finished  # the checkpoint does not mind


# --- global hints ------------------------------------------------------------------------------------------


def told_while_training(start, network, **config):
    """The global hints of each step."""
    told = []
    trainer = start(network=network, steps=3, **config)
    network.register_forward_pre_hook(
        lambda module, given, named: told.append(named.get("global_hints")), with_kwargs=True
    )
    losses = [record.huber for record in trainer.run(every_seconds=0, progress=False)]
    assert len(losses) == 3
    assert np.isfinite(losses).all()
    return told


def test_a_network_that_reads_global_hints_learns_from_them(start, make_live):
    network = make_live(answers=False)
    told = told_while_training(start, network, statistics=1.0, batch=4)
    assert all(((each.histogram_given + each.saturation_given) > 0).all() for each in told)
    assert not told[0].equals(told[1])
    for learned in (network.conditioning.decided, network.conditioning.surer):
        assert learned.abs().min() > 1e-4


def test_without_a_share_nothing_is_given(start, make_live):
    network = make_live(answers=False)
    told = told_while_training(start, network, statistics=0.0)
    assert not any((each.histogram_given + each.saturation_given).any() for each in told)
    for untouched in (network.conditioning.decided, network.conditioning.surer):
        assert torch.equal(untouched, torch.zeros(2))


def test_only_the_global_variant_of_the_papers_network_is_told(start):
    assert told_while_training(start, SIGGRAPH17(width=1), folder="local") == [None] * 3
    network = SIGGRAPH17(width=1, variant="global")
    before = [value.clone() for value in network.statistics.parameters()]
    told = told_while_training(start, network, folder="global", statistics=1.0)
    assert all(len(each) == 2 for each in told)
    assert any((a != b).any() for a, b in zip(before, network.statistics.parameters(), strict=True))


@pytest.mark.parametrize("unusual", [0.0, 1.0])
def test_what_is_told_is_the_truth_and_changes_nothing_else(photographs, unusual):
    """Of recoloured pictures, the colours that they have been given."""
    config = TrainConfig(steps=1, aged=0.0, varied=0.0, unusual=unusual, statistics=1.0)
    plain, told = (
        draw(
            photographs, config, size=3, crop=48, device=torch.device("cpu"),
            generator=generator_of(0, step=0, shard=0), tell=tell,
        )
        for tell in (False, True)
    )  # fmt: skip
    assert plain.global_hints is None
    assert torch.equal(plain.truth, told.truth)
    assert torch.equal(plain.hints.ab, told.hints.ab)
    truth = GlobalHints.of_pictures(torch.cat([told.lightness, told.truth], 1))
    torch.testing.assert_close(told.global_hints.histogram, truth.histogram)
    torch.testing.assert_close(told.global_hints.saturation, truth.saturation)


# --- shards ------------------------------------------------------------------------------------------------


# where shares are no powers of 2, the backward pass in bfloat16 rounds differently
@pytest.mark.parametrize(("sizes", "tolerance"), [((2, 2), 1e-6), ((3, 2), 0.04)])
def test_a_batch_in_shards_is_the_mean_of_its_parts(start, make_live, photographs, sizes, tolerance):
    trainer = start(batch=sum(sizes), shards=2, clip=1e9, steps=1, ema=0.0)
    alone = make_live(answers=False).train()
    shares = [size / sum(sizes) for size in sizes]
    gradients, statistics = [], []
    for shard, size in enumerate(sizes):
        network = deepcopy(alone)
        examples = draw(
            photographs, trainer.config, size=size, crop=32, device=torch.device("cpu"),
            generator=generator_of(0, step=0, shard=shard), tell=True,
        )  # fmt: skip
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outputs = network(examples.lightness, examples.hints, global_hints=examples.global_hints)
        losses = objective(outputs, examples, trainer.bins, delta=trainer.config.delta)
        config = trainer.config
        (losses[0] + config.auto * losses[1] + config.classify * losses[2]).backward()
        gradients.append([
            torch.zeros_like(value) if value.grad is None else value.grad for value in network.parameters()
        ])  # fmt: skip
        statistics.append({
            name: value for name, value in network.state_dict().items() if "running" in name
        })  # fmt: skip
    trainer.run(progress=False)
    found = torch.cat([value.grad.flatten() for value in trainer.network.parameters()])
    first, second = (torch.cat([value.flatten() for value in parts]) for parts in gradients)
    mean = shares[0] * first + shares[1] * second
    assert (found - mean).norm() <= tolerance * mean.norm()
    assert statistics[0]
    for name, first in statistics[0].items():
        mean = shares[0] * first + shares[1] * statistics[1][name]
        torch.testing.assert_close(trainer.network.state_dict()[name], mean)
    counts = [value for name, value in trainer.network.named_buffers() if name.endswith("batches_tracked")]
    assert {int(value) for value in counts} == {1}


def test_randomness_depends_on_seed_step_and_shard_only():
    def drawn(*which):
        seed, step, shard = which
        return torch.rand(4, generator=generator_of(seed, step=step, shard=shard))

    keys = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    assert len({tuple(drawn(*key).tolist()) for key in keys}) == 4
    assert torch.equal(drawn(3, 10**6, 2), drawn(3, 10**6, 2))


def test_shards_must_be_shared_out_evenly(start, photographs, make_live, tmp_path):
    config = TrainConfig(steps=1, shards=3)
    with pytest.raises(ValueError, match="2 processes can share out evenly, got 3; use shards=4"):
        Trainer(make_live(), photographs, config, tmp_path, processes=Processes(count=2))


# --- files -------------------------------------------------------------------------------------------------


def test_a_run_leaves_log_checkpoint_and_weights(start, photographs, tmp_path):
    images = torch.stack([square(rgb, 32) for rgb in photographs.images])
    trainer = start(validation=images)
    history = trainer.run(every_seconds=0, progress=False)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "average.safetensors",
        "best.safetensors",
        "checkpoint.pt",
        "log.csv",
    ]
    with (tmp_path / "run" / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    for loss in ("huber", "auto", "cross_entropy"):
        assert [float(row[loss]) for row in rows] == [getattr(record, loss) for record in history]
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
    for loss in ("huber", "auto", "cross_entropy"):
        mean = np.mean([getattr(record, loss) for record in each])
        assert getattr(whole, loss) == pytest.approx(mean, abs=2e-4)


# --- going on ----------------------------------------------------------------------------------------------


def test_two_runs_of_the_same_seed_are_the_same(start):
    one, two, other = start("one"), start("two"), start("three", seed=1)
    for trainer in (one, two, other):
        trainer.run(progress=False)
    assert same(one, two)
    assert not same(one, other)


def test_a_stopped_run_goes_on_exactly(start, make_live):
    config = {"phases": (Phase(0.0, 32, 4), Phase(0.5, 48, 2)), "shards": 2, "statistics": 0.75}
    whole = start("whole", **config)
    whole.run(every_seconds=0, progress=False)
    stopped(start, 2, folder="apart", **config)
    torch.manual_seed(99)
    resumed = start("apart", network=make_live(answers=True, seed=5), **config)  # its values do not matter
    assert resumed.step == 2
    at_step(resumed, 4, resumed.stop)
    resumed.run(every_seconds=0, progress=False)
    again = start("apart", **config)
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


def test_a_finished_run_stays_as_it_is(start):
    first = start()
    history = first.run(progress=False)
    again = start()
    assert again.run(progress=False) == history
    assert same(first, again)


def test_another_configuration_is_refused_by_name(start, tmp_path):
    start(rate=1e-3).run(progress=False)
    before = (tmp_path / "run" / "checkpoint.pt").read_bytes()
    with pytest.raises(
        TrainingError, match=r"another config \(rate: 0\.001 there, 0\.01 here, seed: 0 there, 3 here\)"
    ):
        start(rate=1e-2, seed=3)
    with pytest.raises(TrainingError, match=r"\(phases: .*'batch': 2.* there, .*'batch': 4.* here\)"):
        start(batch=4)
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == before


@pytest.mark.parametrize(("name", "before", "other"), [("shards", "1", 2), ("statistics", r"0\.5", 0.25)])
def test_a_checkpoint_from_before_a_field_had_its_default(start, name, before, other):
    trainer = start()
    trainer.run(progress=False)
    state = torch.load(trainer.checkpoint, weights_only=True)
    del state["config"][name]
    torch.save(state, trainer.checkpoint)
    assert start().step == 6
    with pytest.raises(TrainingError, match=rf"another config \({name}: {before} there, {other} here\)"):
        start(**{name: other})


def test_another_version_of_the_network_is_refused_by_name(start):
    trainer = start()
    trainer.run(progress=False)
    state = torch.load(trainer.checkpoint, weights_only=True)
    del state["network"]["to_auto.bias"]
    torch.save(state, trainer.checkpoint)
    with pytest.raises(TrainingError, match=r"another version of the network: 1 missing \(to_auto.bias\)"):
        start()


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


def test_a_checkpoint_of_something_else_is_an_error(start, tmp_path):
    (tmp_path / "run").mkdir()
    torch.save({"network": {}, "step": 3}, tmp_path / "run" / "checkpoint.pt")
    with pytest.raises(TrainingError, match=r"checkpoint of this version, but .* has no config, .*average"):
        start()


# --- stopping ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_after_its_step(start, number):
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    trainer = start(steps=50)
    at_step(trainer, 2, lambda: os.kill(os.getpid(), number))
    assert trainer.run(every_seconds=1e9, progress=False) == []  # between two lines of the log
    assert trainer.step == 3
    assert same(trainer, start(steps=50))
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_a_second_ctrl_c_interrupts_at_once(start):
    def twice():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    trainer = start(steps=50)
    at_step(trainer, 2, twice)
    with pytest.raises(KeyboardInterrupt):
        trainer.run(every_seconds=0, progress=False)
    assert start(steps=50).step == 2
    assert signal.getsignal(signal.SIGINT) is handler


def test_another_thread_may_train_and_stop(start):
    trainer, records = start(steps=10**6), []
    trained = threading.Thread(
        target=trainer.run, kwargs={"every_seconds": 0, "progress": False, "on_record": records.append}
    )
    trained.start()
    while not records:
        trained.join(0.01)
    trainer.stop()
    trained.join(20)
    assert not trained.is_alive()
    assert start(steps=10**6).step == trainer.step > 0


# --- what goes wrong ---------------------------------------------------------------------------------------


def checkpointed(start, tmp_path):
    """A run that has been stopped after two good steps, and the bytes of its checkpoint."""
    stopped(start, 2)
    return start(), (tmp_path / "run" / "checkpoint.pt").read_bytes()


def test_a_loss_that_is_not_finite_stops_and_keeps_the_checkpoint(start, tmp_path):
    trainer, good = checkpointed(start, tmp_path)
    trainer.network.to_auto.bias.data.fill_(float("nan"))
    with pytest.raises(
        TrainingError,
        match=r"loss became nan at step 2; lower the learning rate \(0\.001\)\. "
        r"The last checkpoint is kept: step 2 in .*run",
    ):
        trainer.run(every_seconds=0, progress=False)
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == good
    assert start().step == 2


def test_nothing_kept_is_said_as_well(start):
    trainer = start()
    trainer.network.to_auto.bias.data.fill_(float("inf"))
    with pytest.raises(TrainingError, match="Nothing had been saved yet"):
        trainer.run(progress=False)


def test_a_gradient_that_is_not_finite_never_reaches_the_parameters(start, tmp_path):
    trainer, good = checkpointed(start, tmp_path)
    trainer.network.to_auto.weight.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(TrainingError, match="gradient became"):
        trainer.run(every_seconds=0, progress=False)
    assert all(torch.isfinite(value).all() for value in trainer.network.parameters())
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == good


@contextmanager
def full(room):
    """The system refuses to write more into a file, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room", [1000, 200_000])  # for not even a beginning; for a part of the checkpoint
def test_a_disk_that_stays_full_is_named_and_keeps_the_checkpoint(start, tmp_path, room, monkeypatch):
    monkeypatch.setattr(folders, "PATIENCE", 0.0)
    trainer, good = checkpointed(start, tmp_path)
    assert len(good) > 200_000
    with (
        full(room),
        pytest.raises(
            TrainingError, match=r"cannot write to .*run.* is the disk full\? The last checkpoint is kept"
        ),
    ):
        trainer.run(every_seconds=0, progress=False)
    assert trainer.finished
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == good
    assert len(list((tmp_path / "run").iterdir())) == 3  # no parts are left lying about
    trainer.save()  # whoever still has it and has made room
    assert start().step == trainer.step == 6


def test_training_goes_on_while_the_disk_is_full_and_saves_when_it_is_not(start, tmp_path, capfd):
    trainer, good = checkpointed(start, tmp_path)
    steps = []
    with ExitStack() as filled:
        filled.enter_context(full(50_000))

        def seen(record):
            steps.append(record.step)
            if record.step == 4:
                assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == good
                filled.close()

        trainer.run(every_seconds=0, progress=False, on_record=seen)
    assert steps == [3, 4, 5, 6]
    assert capfd.readouterr().err.count("tries again at the next save") == 2
    assert start().step == 6
    assert len(read_log(tmp_path / "run" / "log.csv")) == len(trainer.history)


def test_the_end_waits_for_room_on_the_disk(start, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(folders, "PAUSE", 0.01)
    trainer, _ = checkpointed(start, tmp_path)
    tries = []
    save = trainer._save

    def counted():
        tries.append(trainer.step)
        if len(tries) == 7:  # four in the lines of the log, three at the end
            filled.close()
        save()

    monkeypatch.setattr(trainer, "_save", counted)
    with ExitStack() as filled:
        filled.enter_context(full(50_000))
        trainer.run(every_seconds=0, progress=False)
    assert tries == [3, 4, 5, 6, 6, 6, 6]
    assert "Training is over, and tries again" in capfd.readouterr().err
    assert start().step == 6


def test_nobody_waits_for_room_who_was_told_to_stop(start, tmp_path):
    trainer, _ = checkpointed(start, tmp_path)
    at_step(trainer, 4, trainer.stop)
    with full(1000), pytest.raises(TrainingError, match="is the disk full"):
        trainer.run(every_seconds=1e9, progress=False)


# --- whose folder it is ------------------------------------------------------------------------------------


def test_of_two_trainings_in_a_folder_the_second_is_refused(start):
    first, second = start(steps=8), start(steps=8)
    refusals = []

    def intrude():
        for attempt in (lambda: second.run(progress=False), second.save):
            with pytest.raises(
                ClaimedError, match=r"another training writes to .*run: stop it first"
            ) as error:
                attempt()
            refusals.append(error)

    at_step(first, 2, intrude)
    first.run(every_seconds=0, progress=False)
    assert len(refusals) == 2
    assert start(steps=8).step == 8


def test_the_claim_ends_with_its_process(start, tmp_path):
    code = (
        "import sys; from pathlib import Path; from ipycolorize.locks import claimed\n"
        "with claimed(Path(sys.argv[1]), work='training'): print(flush=True); sys.stdin.read()"
    )
    trainer = start()
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "run")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline()
        with pytest.raises(ClaimedError):
            trainer.run(progress=False)
        other.kill()
    trainer.run(progress=False)
    assert trainer.finished
    assert not [path for path in (tmp_path / "run").iterdir() if path.name.startswith(".")]


def test_a_training_does_not_go_on_from_what_another_has_gone_on_from(start, tmp_path):
    first, second = start(steps=8), start(steps=8)
    first.run(progress=False)
    before = (tmp_path / "run" / "checkpoint.pt").read_bytes()
    with pytest.raises(TrainingError, match="another training has gone on from it since"):
        second.run(progress=False)
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == before


@pytest.mark.parametrize("name", ["average.safetensors", "log.csv"])
def test_files_that_no_checkpoint_belongs_to_are_not_replaced_unasked(start, tmp_path, name):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).write_bytes(b"mine")
    with pytest.raises(FileExistsError, match=f"{name} exists already"):
        start()
    assert (tmp_path / "run" / name).read_bytes() == b"mine"
    start(overwrite=True).run(progress=False)
    assert (tmp_path / "run" / name).read_bytes() != b"mine"


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_what_training_writes_has_the_permissions_of_new_files(start, tmp_path):
    before = os.umask(0o022)
    try:
        start().run(progress=False)
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "run").iterdir()}
    assert modes == dict.fromkeys(["average.safetensors", "checkpoint.pt", "log.csv"], 0o644)


def test_a_folder_that_went_away_is_named(start, tmp_path):
    trainer = start()
    (tmp_path / "run").rmdir()
    with pytest.raises(TrainingError, match=r"cannot write to .*run"):
        trainer.run(progress=False)


# --- phases and the best weights ---------------------------------------------------------------------------


def test_an_automatic_phase_teaches_no_flow_and_no_tail(start):
    trainer = start(phases=(Phase(0.0, crop=32, batch=2, joint=False),), steps=2, decay=0.0)
    before = {name: value.clone() for name, value in trainer.network.named_parameters()}
    trainer.run(progress=False)
    changed = {
        name.split(".")[0]
        for name, value in trainer.network.named_parameters()
        if not torch.equal(value, before[name])
    }
    assert {"encoder", "to_auto", "to_logits"} <= changed
    assert not changed & {"to_embedding", "to_gates", "to_gain", "to_cost", "flow", "tail", "conditioning"}


def test_what_a_phase_freezes_does_not_even_decay(start):
    trainer = start(phases=(Phase(0.0, crop=32, batch=2), Phase(0.5, crop=32, batch=2, frozen=2)), steps=4)
    trainer.run(every_seconds=0, progress=False)
    stem = trainer.network.encoder.backbone.stem[0].weight
    halfway = stem.detach().clone()
    assert not stem.requires_grad
    trainer.config = replace(trainer.config, steps=6)
    trainer.run(progress=False)
    assert torch.equal(stem, halfway)


def test_the_backbone_learns_slower(start):
    trainer = start(steps=1)
    scales = {group["scale"]: group["lr"] for group in trainer.optimizer.param_groups}
    trainer.run(progress=False)
    rates = {group["scale"]: group["lr"] for group in trainer.optimizer.param_groups}
    assert scales.keys() == {1.0, 0.25}
    assert rates[0.25] == pytest.approx(rates[1.0] / 4)


def test_the_best_weights_are_kept_whatever_comes_later(start, photographs, monkeypatch):
    scores = iter([20.0, 25.0, 22.0])
    monkeypatch.setattr(module, "validate", lambda *_, **__: {"0": next(scores)})
    trainer = start(validation=torch.stack([square(rgb, 32) for rgb in photographs.images]), steps=3)
    kept = []

    def remember(_):
        kept.append({name: value.clone() for name, value in trainer.average.state_dict().items()})

    trainer.run(every_seconds=0, on_record=remember, progress=False)
    best = load_model(trainer.best).state_dict()
    for name, value in kept[1].items():
        torch.testing.assert_close(best[name], value, atol=2e-3, rtol=2e-3)
    last = load_model(trainer.folder / "average.safetensors").state_dict()
    assert any(not torch.equal(value, best[name]) for name, value in last.items())


def test_phases_of_a_checkpoint_of_before_have_todays_fields(start):
    trainer = start(steps=1)
    trainer.run(every_seconds=0, progress=False)
    state = torch.load(trainer.checkpoint, weights_only=True)
    for phase in state["config"]["phases"]:
        del phase["joint"], phase["frozen"]
    del state["config"]["varied"]
    torch.save(state, trainer.checkpoint)
    with pytest.raises(TrainingError, match="varied"):  # today's default differs from what that run did
        start(steps=2, varied=0.3)
    assert start(steps=2).step == 1
