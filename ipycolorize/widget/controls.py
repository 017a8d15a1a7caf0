"""The controls around the picture: they show a `View` and post events; nothing here changes a session."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ipywidgets import HTML, Box, Button, DOMWidget, FileUpload, HBox, IntSlider, Text, VBox

from ..color import to_hex
from .gestures import RECENT, Command, Pick, Resize
from .swatches import AB, RGB, Gamut, Swatches

Post = Callable[[Any], None]
Colors = tuple[tuple[RGB, AB, str], ...]  # what it looks like here, what it is, what to say about it


@dataclass(frozen=True)
class View:
    """What the controls show.

    Attributes:
        lightness: L where a colour would be used.
        ab, rgb: colour of the selected point, None without one.
        size: patch size in photo pixels.
        suggested, recent: colours to pick from, at that lightness.
    """

    lightness: float
    ab: AB | None
    rgb: RGB | None
    size: int
    suggested: Colors
    recent: Colors
    points: int
    can_undo: bool
    can_redo: bool
    before: bool


@dataclass(frozen=True)
class TypedColor:
    """Text in the colour field."""

    text: str


@dataclass(frozen=True)
class SaveHints:
    """Write the points to a file of this name."""

    name: str


@dataclass(frozen=True)
class LoadHints:
    """Read the points from the content of a file."""

    name: str
    content: bytes


@dataclass(frozen=True)
class ExportPicture:
    """Write the picture to a file of this name."""

    name: str


class Controls:
    """Toolbar and panel.

    Args:
        post: takes every event; returns at once.
        name: of the photograph, for the names of files.
        size: patch size at the start, photo pixels.
        largest: greatest patch size.
    """

    def __init__(self, post: Post, *, name: str, size: int, largest: int) -> None:
        self._post, self._stem = post, name
        self._writer: int | None = (
            None  # the thread that sets controls: what it sets is not a wish of the user
        )
        self._colors: dict[str, Colors] = {"suggested": (), "recent": ()}
        self.toolbar = self._build_toolbar()
        self.gamut = Gamut(lambda ab, done: post(Pick(ab, done)))
        self._suggested = Swatches(9, lambda number: self._pick("suggested", number))
        self._recent = Swatches(RECENT, lambda number: self._pick("recent", number))
        self._chip = _styled(HTML(), "ipc-chip")
        self._field = _styled(
            Text(placeholder="#d04020 or 208, 64, 32", continuous_update=False), "ipc-field"
        )
        self._slider = _styled(IntSlider(size, 1, largest, readout=False), "ipc-slider")
        self._size = _styled(HTML(), "ipc-value")
        self._file = _styled(Text(f"{name}_colorized.png"), "ipc-field", "ipc-file")
        export = _styled(
            Button(description="Export", tooltip="Write the picture at full size (.png, .jpg or .tif)"),
            "ipc-action",
        )
        self._field.observe(lambda change: self._wish(TypedColor(change["new"])), "value")
        self._slider.observe(lambda change: self._wish(Resize(change["new"])), "value")
        export.on_click(lambda _: post(ExportPicture(self._file.value)))
        self.panel = _styled(
            VBox(
                [
                    _section("Colour", self.gamut.box, _row(self._chip, self._field)),
                    _section("Suggested here", self._suggested.box),
                    _styled(_section("Recent", self._recent.box), "ipc-recent"),
                    _section("Point size", _row(self._slider, self._size)),
                    _section("Full-size picture", _row(self._file, export)),
                ]
            ),
            "ipc-panel",
        )

    def _build_toolbar(self) -> HBox:
        def command(icon: str, tooltip: str, event: Any, *classes: str) -> Button:
            button = _styled(Button(icon=icon, tooltip=tooltip), "ipc-tool", *classes)
            button.on_click(lambda _: self._post(event))
            return button

        self._undo = command("undo", "Undo", Command("undo"))
        self._redo = command("redo", "Redo", Command("redo"))
        self._delete = command("trash", "Delete the selected point", Command("delete"), "ipc-gap")
        self._reset = command("eraser", "Remove all points (undo brings them back)", Command("reset"))
        self._before = command(
            "adjust", "Show the photograph before colorizing", Command("before"), "ipc-gap"
        )
        self._save = command(
            "save", "Save the points to a file", SaveHints(f"{self._stem}_hints.json"), "ipc-gap"
        )
        self._load = _styled(
            FileUpload(accept=".json", description="", icon="folder-open"), "ipc-tool", "ipc-upload"
        )
        self._load.tooltip = "Load points from a file"
        self._load.observe(self._loaded, "value")
        return _styled(
            HBox([self._undo, self._redo, self._delete, self._reset, self._before, self._save, self._load]),
            "ipc-toolbar",
        )

    def focus(self, *, backwards: bool) -> None:
        """Give the keyboard to the control after the picture, or before it."""
        (self._before if backwards else self._field).focus()

    def show(self, view: View, *, keep_size: bool = False, keep_text: bool = False) -> None:
        """Show a view.

        Args:
            view: what to show.
            keep_size: leave the slider alone, for it is being dragged and knows better.
            keep_text: leave the colour field alone, and outline it: what it says is no colour.
        """
        self._writer = threading.get_ident()
        try:
            self._undo.disabled, self._redo.disabled = not view.can_undo, not view.can_redo
            self._delete.disabled, self._reset.disabled = view.ab is None, not view.points
            (self._before.add_class if view.before else self._before.remove_class)("ipc-on")
            (self.panel.add_class if view.ab is None else self.panel.remove_class)("ipc-idle")
            self.gamut.show(view.lightness, view.ab)
            text = "" if view.rgb is None else to_hex(view.rgb)
            self._chip.value = f'<i style="background:{text or "transparent"}"></i>'
            if not keep_text:
                self._field.value = text
            (self._field.add_class if keep_text else self._field.remove_class)("ipc-bad")
            self._size.value = f"{view.size} px"
            if not keep_size:
                self._slider.max = max(self._slider.max, view.size)
                self._slider.value = view.size
            for name, row, colors in (
                ("suggested", self._suggested, view.suggested),
                ("recent", self._recent, view.recent),
            ):
                self._colors[name] = colors
                row.show([(to_hex(rgb), tip) for rgb, _, tip in colors])
        finally:
            self._writer = None

    def _wish(self, event: Any) -> None:
        if self._writer != threading.get_ident():
            self._post(event)

    def _pick(self, name: str, number: int) -> None:
        if number < len(self._colors[name]):
            self._post(Pick(self._colors[name][number][1]))

    def _loaded(self, change: Any) -> None:
        if change["new"]:
            file = change["new"][0]
            self._post(LoadHints(Path(file["name"]).name, bytes(file["content"])))
            self._load.value = ()  # the same file may be chosen again


def _styled(widget: Any, *classes: str) -> Any:
    for name in classes:
        widget.add_class(name)
    return widget


def _section(title: str, *parts: DOMWidget) -> VBox:
    return _styled(VBox([_styled(HTML(title), "ipc-label"), *parts]), "ipc-section")


def _row(*parts: DOMWidget) -> Box:
    return _styled(Box(parts), "ipc-row")
