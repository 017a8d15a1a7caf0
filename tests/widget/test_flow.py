"""Flow control over links made of numbers: a clock, and a line that carries so many bytes a second."""

import io

import numpy as np
import pytest
from driving import do
from PIL import Image
from sklearn.datasets import load_sample_image

from ipycolorize.widget import flow as module
from ipycolorize.widget.canvas import Queue
from ipycolorize.widget.flow import DRAFT, FINAL, QUALITIES, FlowControl
from ipycolorize.widget.gestures import Pick, Pointer

STEP = 0.04  # seconds between frames of a pad, at least


def answer(flow, number):
    """The browser has painted the picture of this number."""
    file = io.BytesIO()
    Image.new("RGB", (1, 1), f"#{number:06x}").save(file, "PNG")
    flow._receive({"new": file.getvalue()})


class Link:
    """A browser behind a line that carries `rate` bytes a second."""

    def __init__(self, monkeypatch, rate, latency=0.06):
        self.now, self.rate, self._latency = 1000.0, rate, latency
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now)
        self.flow = FlowControl(Queue(), on_room=lambda: None)
        self._coming, self._free = [], 0.0  # (when, number) of answers; when the line is free

    def send(self, rgb, *, draft):
        url, quality = self.flow.encode(rgb, seconds=DRAFT if draft else FINAL, draft=draft)
        self.flow.mark(len(url))
        self._free = max(self.now, self._free) + len(url) / self.rate
        self._coming.append((self._free + self._latency, self.flow._number))
        return self._free, quality

    def pass_time(self, seconds):
        self.now += seconds
        while self._coming and self._coming[0][0] <= self.now:
            answer(self.flow, self._coming.pop(0)[1])

    def drag(self, rgb, seconds):
        """Drafts as often as there is room; then the last picture. How many, and when it was there."""
        drafts, end = 0, self.now + seconds
        while self.now < end:
            if self.flow.room():
                self.send(rgb, draft=True)
                drafts += 1
            self.pass_time(STEP)
        while not self.flow.room():
            self.pass_time(0.01)
        there, quality = self.send(rgb, draft=False)
        while self._coming:
            self.pass_time(0.01)
        return drafts, there - end, quality


@pytest.fixture(scope="module")
def small():
    return np.ascontiguousarray(load_sample_image("china.jpg"))  # 427 x 640


@pytest.fixture(scope="module")
def large(small):
    return np.asarray(Image.fromarray(small).resize((1224, 816)))  # as many pixels as are ever sent


@pytest.mark.parametrize("mbit", [1, 3, 8, 100])
@pytest.mark.parametrize("size", ["small", "large"])
def test_a_slow_link_shows_the_last_picture_soon_after_the_release(monkeypatch, request, mbit, size):
    link = Link(monkeypatch, mbit * 125_000)
    rgb = request.getfixturevalue(size)
    link.send(rgb, draft=False)  # with the page
    link.pass_time(20)
    link.drag(rgb, 3)
    drafts, seconds, quality = link.drag(rgb, 3)  # its clock is its own: these are no seconds of this machine
    assert seconds < 1.5
    assert drafts > 5, "and meanwhile it moves"
    if mbit == 100:
        assert drafts > 40
        assert quality == QUALITIES[0]


def test_a_link_that_becomes_slow_is_noticed_and_one_that_recovers_too(monkeypatch, large):
    link = Link(monkeypatch, 12_500_000)
    link.drag(large, 3)
    link.rate = 125_000
    link.drag(large, 3)
    assert link.drag(large, 3)[1] < 1.5
    link.rate = 12_500_000
    link.drag(large, 3)
    assert link.drag(large, 3)[2] == QUALITIES[0]


def test_where_nobody_answers_there_is_room_now_and_then(monkeypatch, small):
    link = Link(monkeypatch, 1e9)
    sent = 0
    for _ in range(1000):
        if link.flow.room():
            link.flow.mark(1000)
            sent += 1
        link.now += STEP
    assert 50 < sent < 150, "40 s: four pictures in a second and a half"
    assert link.flow.rate is None


def test_what_comes_back_is_not_trusted(monkeypatch, small):
    link = Link(monkeypatch, 1e6)
    link.flow.mark(1000)
    for content in (None, b"", b"\x89PNG", b"%!PS-Adobe-3.0", 7):
        link.flow._receive({"new": content})
    answer(link.flow, 77)
    assert [frame.number for frame in link.flow._on_the_way] == [1]


def fill(flow):
    answer_first = flow._number + 1
    for _ in range(4):
        flow.mark(100)
    answer(flow, answer_first)  # somebody is there
    flow.mark(100)
    assert not flow.room()
    return flow._number


def test_events_are_done_while_the_way_is_full_and_only_the_newest_state_is_shown(pad):
    flow, image = pad._picture.flow, pad._picture.image
    do(pad, Pointer("down", 50, 80, buttons=1), Pointer("up", 50, 80))
    last, before, shown = fill(flow), image.value, []
    image.observe(lambda change: shown.append(change["new"]), "value")
    for number in range(5):
        pad._worker.post(Pick((10 * number, 20)))
        assert not pad._worker.wait(0.2, idle=0), "the picture is due"
    assert next(iter(pad.session.hints)).ab == (40, 20), "the click waits for nobody"
    assert image.value == before
    answer(flow, last)
    assert pad._worker.wait(20, idle=1)
    assert len(shown) == 1
    assert "1 point ·" in pad._status.value
