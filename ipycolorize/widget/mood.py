"""The section of the mood: a reference photograph, shares of the colours, saturation and strength.

It shows a `Mood` and posts events; nothing here changes a session.
"""

from __future__ import annotations

import base64
import html
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from ipywidgets import HTML, Box, Button, Dropdown, IntSlider, VBox
from PIL import Image, ImageOps

from ..families import families, shares_of
from ..mood import Mood
from . import moods
from .bars import Bars, colors, percent
from .dropzone import DropZone
from .gestures import State
from .moods import (
    ChooseFamily,
    ClearMood,
    DragFamily,
    OpenMood,
    SetReference,
    SetSaturation,
    SetShare,
    SetStrength,
)
from .parts import Post, Wishes, printable, row, section, styled, switch

INVITATION = "the colours of the whole picture"
THUMBNAIL = (60, 40)  # CSS pixels


@dataclass(frozen=True)
class ChooseReference:
    """Take the colours of the photograph in a file of this name and content."""

    name: str
    content: bytes


class MoodPanel:
    """A section below the picture, folded to one line at first.

    Args:
        post: takes every event; returns at once.
        unavailable: why there can be no mood; "" if there can.
    """

    def __init__(self, post: Post, *, unavailable: str = "") -> None:
        self._wish = Wishes(post)
        self._unavailable = unavailable
        self._open = False
        self._looks: dict[tuple[float, ...], str] = {}  # of references, by histogram: undo finds them
        self._toggle = styled(Button(description="Mood", disabled=bool(unavailable)), "ipc-fold")
        self._toggle.on_click(lambda _: post(OpenMood(not self._open)))
        self._summary = styled(HTML(), "ipc-summary")
        self._body = styled(Box([self._build_colors(post), self._build_rest(post)]), "ipc-mood-body")
        self._body.layout.display = "none"
        self.box = styled(
            VBox([styled(Box([self._toggle, self._summary]), "ipc-mood-line"), self._body]), "ipc-mood"
        )

    def _build_colors(self, post: Post) -> VBox:
        self.bars = Bars(
            lambda family: post(ChooseFamily(family)),
            lambda family, share, done: post(DragFamily(family, share, done)),
            post=post,
        )
        names = [(family.name, number) for number, family in enumerate(families())]
        self._family = styled(Dropdown(options=names, value=0), "ipc-family")
        self._share = styled(IntSlider(0, 0, 100, readout=False), "ipc-slider")
        self._share_text = styled(HTML(), "ipc-value")
        self._family.observe(lambda change: self._wish(ChooseFamily(change["new"])), "value")
        self._share.observe(
            lambda change: self._wish(SetShare(self._family.value, change["new"] / 100)), "value"
        )
        block = section("", self.bars.box, row(self._family, self._share, self._share_text))
        self._title = block.children[0]
        return block

    def _build_rest(self, post: Post) -> VBox:
        self.reference = DropZone(
            invitation="Drop a photograph, or choose one",
            tooltip="A photograph whose colours this one shall have",
            on_file=lambda name, content: post(ChooseReference(name, content)),
            on_forget=lambda: post(SetReference(None)),
            post=post,
        )
        self._saturation, self._saturation_text = _slider("Saturation")
        self._strength, self._strength_text = _slider("Strength")
        self._free = styled(Button(icon="times", tooltip="Leave the saturation as it comes"), "ipc-cross")
        self._free.on_click(lambda _: post(SetSaturation(None)))
        self._saturation.observe(lambda change: self._wish(SetSaturation(change["new"] / 100)), "value")
        self._strength.observe(lambda change: self._wish(SetStrength(change["new"] / 100)), "value")
        self._clear = styled(
            Button(description="Clear mood", tooltip="Ask for nothing (undo brings it back)"), "ipc-action"
        )
        self._clear.on_click(lambda _: post(ClearMood()))
        return section(
            "Reference",
            self.reference.box,
            row(self._saturation, self._saturation_text, self._free),
            styled(row(self._strength, self._strength_text), "ipc-no-cross"),
            row(self._clear),
        )

    def remember(self, histogram: tuple[float, ...], rgb: np.ndarray) -> None:
        """Keep the look of a reference ``(H, W, 3)`` uint8, to be shown where its histogram is asked for."""
        size = (2 * THUMBNAIL[0], 2 * THUMBNAIL[1])
        file = io.BytesIO()
        ImageOps.fit(Image.fromarray(rgb), size).save(file, "JPEG", quality=85)
        code = base64.b64encode(file.getvalue()).decode("ascii")
        self._looks[histogram] = f"center / cover url(data:image/jpeg;base64,{code})"

    def show(self, mood: Mood, state: State, *, last: Any = None) -> None:
        """Show a mood.

        Args:
            mood: of the session.
            state: of the pad: whether it is folded, the chosen family, the picture's own statistics.
            last: the event that led here; the slider it came from is left alone, for it knows better.
        """
        with self._wish.writing():
            self._fold(state.mood_open)
            text = self._unavailable or moods.described(mood) or INVITATION
            self._summary.value = html.escape(printable(text))
            switch(self._summary, "ipc-set", mood != Mood() and not self._unavailable)
            if not state.mood_open:
                return
            self._show_colors(mood, state, last)
            self._show_reference(mood)
            self._show_sliders(mood, state, last)

    def _fold(self, wide: bool) -> None:
        self._open = wide
        if not self._unavailable:
            self._toggle.icon = "caret-down" if wide else "caret-right"
            self._toggle.tooltip = "Hide" if wide else "A reference photograph, shares of colours, saturation"
        self._body.layout.display = None if wide else "none"

    def _show_colors(self, mood: Mood, state: State, last: Any) -> None:
        asked = mood.histogram is not None
        seen = mood if asked else state.present
        shares = None if seen is None else shares_of(np.array(seen.histogram)).tolist()
        self._title.value = "Colours asked for" if asked else "Colours now · drag one up or down"
        self.bars.show(shares, chosen=state.family, asked=asked)
        share = 0.0 if shares is None else shares[state.family]
        self._family.value = state.family
        self._share.disabled = shares is None
        self._share_text.value = "" if shares is None else percent(share)
        if not isinstance(last, SetShare):
            self._share.value = round(100 * share)
        self._share.style.handle_color = colors()[state.family]

    def _show_reference(self, mood: Mood) -> None:
        if mood.histogram is None or not mood.source:
            self.reference.show("", "")
        else:
            self.reference.show(mood.source, self._looks.get(mood.histogram) or _stripes(mood.histogram))

    def _show_sliders(self, mood: Mood, state: State, last: Any) -> None:
        present = state.present.saturation if state.present else None
        free = mood.saturation is None
        if not isinstance(last, SetSaturation) or free:
            self._saturation.value = round(100 * ((present if free else mood.saturation) or 0.0))
        self._saturation_text.value = "auto" if mood.saturation is None else f"{100 * mood.saturation:.0f} %"
        switch(self._saturation, "ipc-pale", free)
        self._free.layout.visibility = "hidden" if free else "visible"
        nothing = mood.histogram is None and mood.saturation is None
        if not isinstance(last, SetStrength):
            self._strength.value = round(100 * mood.strength)
        self._strength.disabled = nothing
        self._strength_text.value = f"{100 * mood.strength:.0f} %"
        self._clear.disabled = mood == Mood()


def _slider(name: str) -> tuple[IntSlider, HTML]:
    return (
        styled(IntSlider(0, 0, 100, description=name, readout=False), "ipc-slider", "ipc-named"),
        styled(HTML(), "ipc-value"),
    )


def _stripes(histogram: tuple[float, ...]) -> str:
    """Its colours side by side, for a reference whose photograph is not at hand."""
    stops, start = [], 0.0
    for color, share in zip(colors(), shares_of(np.array(histogram)), strict=True):
        stops.append(f"{color} {100 * start:.1f}% {100 * (start + share):.1f}%")
        start += share
    return f"linear-gradient(90deg, {', '.join(stops)})"
