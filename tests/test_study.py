"""The one-minute study: who does what, what is kept of it, and how it feeds the real or fake test."""

import json
import os
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ipycolorize.journal import JournalError
from ipycolorize.session import Session
from ipycolorize.study import Course, plan, read_results, study_pairs

NAMES = tuple(f"p{number}" for number in range(6))


@pytest.fixture
def session(small, tiny):
    return Session(small, tiny, device="cpu", short_side=64)


def course(folder, participant="Ada", photographs=NAMES, **settings):
    return Course(photographs, participant=participant, folder=folder, **settings)


def finish(study, session, **rest):
    study.began()
    study.finish(session, **({"seconds": 60.0, "actions": []} | rest))


def test_every_photograph_once_and_every_other_one_with_suggestions():
    for seed in "0123":
        tasks = plan(NAMES, seed=seed)
        assert sorted(task.photograph for task in tasks) == sorted(NAMES)
        assert all(one.recommend != other.recommend for one, other in pairwise(tasks))


def test_who_begins_with_suggestions_and_who_has_them_for_which_photograph_is_left_to_chance():
    tasks = [plan(NAMES, seed=str(number)) for number in range(100)]
    assert 30 < sum(each[0].recommend for each in tasks) < 70
    given = Counter((task.photograph, task.recommend) for each in tasks for task in each)
    assert len(given) == 12 and min(given.values()) > 30
    assert plan(NAMES, seed="1") == plan(NAMES, seed="1") != plan(NAMES, seed="2")


@pytest.mark.parametrize("recommend", [True, False])
def test_one_interface_for_everything(recommend):
    assert {task.recommend for task in plan(NAMES, recommend=recommend, seed="0")} == {recommend}


def test_what_is_finished_is_kept_as_files_that_others_read(tmp_path, session, small):
    study = course(tmp_path, seconds=45.0)
    task = study.current
    session.add(20, 30, ab=(40.0, 30.0))
    actions = [{"seconds": 3.25, "event": "Pick", "ab": [40.0, 30.0], "done": True}]
    finish(study, session, seconds=44.9, actions=actions)
    (result,) = read_results(tmp_path)
    assert (result.participant, result.task, result.seconds, result.attempts) == ("Ada", task, 44.9, 1)
    assert result.actions == tuple(actions)
    assert result.network == session.network_name
    assert result.picture == tmp_path / "Ada" / f"01_{task.photograph}.png"
    assert np.array_equal(np.asarray(Image.open(result.picture)), session.rgb())
    again = Session(small, session.network, device="cpu", short_side=64)
    again.load(result.hints)
    assert np.array_equal(again.rgb(), session.rgb())


def test_who_comes_back_goes_on_and_a_second_attempt_is_noted(tmp_path, session):
    first = course(tmp_path)
    finish(first, session)
    first.began()  # and the kernel dies
    again = course(tmp_path)
    assert again.done == 1 and again.current == first.tasks[1]
    finish(again, session)
    assert [result.attempts for result in read_results(tmp_path)] == [1, 2]
    assert course(tmp_path).done == 2


def test_a_result_that_cannot_be_written_stays_to_be_done(tmp_path, session, monkeypatch):
    study = course(tmp_path)

    fsync = os.fsync

    def full(handle):
        if Path(f"/proc/self/fd/{handle}").readlink().suffix == ".jsonl":  # picture and points had room
            raise OSError(28, "No space left on device")
        fsync(handle)

    with monkeypatch.context() as patch:
        patch.setattr("ipycolorize.journal.os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            study.finish(session, seconds=1, actions=[])
    assert study.done == 0
    assert list((tmp_path / "Ada").glob("*.png"))
    finish(study, session)
    assert study.done == 1


def test_names_of_photographs_may_be_anything(tmp_path, session):
    study = course(tmp_path, photographs=["a/b: ?", "../up"])
    finish(study, session)
    finish(study, session)
    assert study.current is None
    assert len(list((tmp_path / "Ada").glob("*.png"))) == 2


def test_other_settings_under_the_same_name_and_impossible_ones_are_refused(tmp_path):
    course(tmp_path)
    for other in ({"seconds": 30.0}, {"photographs": NAMES[1:]}, {"recommend": True}):
        with pytest.raises(JournalError, match="choose another name or folder"):
            course(tmp_path, **other)
    with pytest.raises(ValueError, match="participant's name"):
        course(tmp_path, participant="a/b")
    with pytest.raises(ValueError, match="positive number of seconds"):
        course(tmp_path, participant="Bob", seconds=0)


def test_the_pictures_go_into_the_real_or_fake_test(tmp_path, session, small):
    for name in ("Ada", "Bob"):
        study = course(tmp_path, participant=name, photographs=["china"], recommend=name == "Ada")
        finish(study, session)
        session.add(50, 80, ab=(0.0, -30.0))
    ada, bob = study_pairs(tmp_path, {"china": small}, side=64)
    assert (ada.photograph, ada.method, ada.by) == ("china", "recommendation", "Ada")
    assert (bob.photograph, bob.method, bob.by) == ("china", "no recommendation", "Bob")
    assert ada.real.shape == ada.synthetic.shape == (64, 96, 3)
    assert np.array_equal(ada.real, bob.real) and not np.array_equal(ada.synthetic, bob.synthetic)


def test_another_photograph_than_the_studys_is_refused(tmp_path, session, small):
    finish(course(tmp_path, photographs=["china"]), session)
    with pytest.raises(ValueError, match="none named 'china'"):
        study_pairs(tmp_path, {"flower": small})
    with pytest.raises(ValueError, match="expected china as in the study"):
        study_pairs(tmp_path, {"china": small[:-1]})


def test_a_folder_without_results_and_a_damaged_file_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"files named \*.study.jsonl"):
        read_results(tmp_path)
    (tmp_path / "Ada.study.jsonl").write_text(
        json.dumps({"participant": "Ada"}) + "\n" + json.dumps({"task": 0, "picture": "x.png"}) + "\n"
    )
    with pytest.raises(JournalError, match=r"Ada\.study"):
        read_results(tmp_path)
