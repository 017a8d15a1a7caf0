"""Sessions copied and pickled."""

import copy
import pickle
import threading

import numpy as np
import pytest

from ipycolorize.models.weights import WeightsError
from ipycolorize.mood import Mood
from ipycolorize.session import Session


@pytest.fixture
def session(small, tiny_path):
    session = Session(small, tiny_path, device="cpu", short_side=64)
    session.add(10, 20, ab=(30.0, 10.0))
    session.add(40, 50, ab=(-20.0, 25.123456))
    return session


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy])
def test_a_copy_goes_its_own_way_and_shares_what_is_large(session, make):
    before = session.rgb()
    other = make(session)
    assert other.photo is session.photo
    assert other.network is session.network
    assert other.lock is not session.lock
    assert np.array_equal(other.rgb(), before)
    other.remove(1)
    assert len(session.hints) == 2
    assert not np.array_equal(other.rgb(), before)
    assert np.array_equal(session.rgb(), before)
    session.undo()
    assert [hint.id for hint in other.hints] == [2]
    for _ in range(3):
        assert other.undo()
    assert len(other.hints) == 0
    assert len(session.hints) == 1
    assert session.can_redo
    assert other.add(5, 5, ab=(1.0, 1.0)).id == 3  # no id is used twice


def test_a_copy_does_not_wait_for_the_one_it_was_made_from(session):
    other = copy.copy(session)
    with session.lock:
        thread = threading.Thread(target=other.reset)
        thread.start()
        thread.join(60)
        assert not thread.is_alive()


def test_a_container_of_sessions_is_copied_deeply(session):
    one, two = copy.deepcopy([session, session])
    assert one is two
    assert one is not session


@pytest.mark.parametrize("protocol", [0, 2, pickle.HIGHEST_PROTOCOL])
def test_a_pickle_gives_the_same_picture_to_the_byte(session, protocol):
    session.set_mood(Mood(saturation=0.3))
    other = pickle.loads(pickle.dumps(session, protocol))
    assert other.hints == session.hints
    assert other.mood == session.mood
    assert other.network_name == session.network_name
    assert other.frame == session.frame
    assert np.array_equal(other.rgb(), session.rgb())
    assert not other.can_undo
    other.remove(2)
    assert len(session.hints) == 2


def test_a_pickle_carries_the_networks_name_and_not_its_weights(small):
    session = Session(small, device="cpu", short_side=64)
    photo = len(pickle.dumps(session.photo))
    assert len(pickle.dumps(session)) < photo + 10_000
    by_object = Session(small, session.network, device="cpu", short_side=64)
    other = pickle.loads(pickle.dumps(by_object))
    assert other.network_name == "live"
    assert np.array_equal(other.rgb(), session.rgb())


def test_a_network_with_weights_of_its_own_says_how_to_pickle_it(small, tiny):
    with pytest.raises(pickle.PicklingError, match=r"weights of its own: write them with .*save_model"):
        pickle.dumps(Session(small, tiny, device="cpu", short_side=64))


def test_a_pickle_whose_weights_are_gone_names_them(small, tiny_path, tmp_path, monkeypatch):
    weights = tmp_path / "mine.safetensors"
    weights.write_bytes(tiny_path.read_bytes())
    monkeypatch.chdir(tmp_path)
    pickled = pickle.dumps(Session(small, "mine.safetensors", device="cpu", short_side=64))
    (tmp_path / "else").mkdir()
    monkeypatch.chdir(tmp_path / "else")
    assert pickle.loads(pickled).network_name == "mine"
    weights.unlink()
    with pytest.raises(WeightsError, match=r"mine\.safetensors: expected .* there is no such file"):
        pickle.loads(pickled)
