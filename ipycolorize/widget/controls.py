"""The controls around the picture: they show a `View` and post events; nothing here changes a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ipywidgets import HTML, Button, FileUpload, HBox, IntSlider, Text, VBox

from ..color import to_hex
from ..palette import COLORS
from .choices import COMMON, Colors
from .gestures import RECENT, Command, Pick, Resize
from .parts import Post, Wishes, row, section, styled, switch
from .swatches import AB, RGB, Gamut, Swatches
from .upload import LIMIT, arm, receive_files


@dataclass(frozen=True)
class View:
    """What the controls show.

    Attributes:
        lightness: L where a colour would be used.
        ab, rgb: colour of the selected point, None without one.
        size: patch size in photo pixels.
        suggested, recent: colours to pick from, at that lightness.
        changed: there are points or a mood, which can be removed.
    """

    lightness: float
    ab: AB | None
    rgb: RGB | None
    size: int
    suggested: Colors
    recent: Colors
    changed: bool
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
        recommend: the colours offered are suggestions, at most nine; else the common ones.
    """

    def __init__(self, post: Post, *, name: str, size: int, largest: int, recommend: bool = True) -> None:
        self._post, self._stem = post, name
        self._wish = Wishes(post)
        self._colors: dict[str, Colors] = {"suggested": (), "recent": ()}
        self.toolbar = self._build_toolbar()
        self.gamut = Gamut(lambda ab, done: post(Pick(ab, done)), post=post)
        count = COLORS if recommend else len(COMMON)
        self._suggested = Swatches(count, lambda number: self._pick("suggested", number))
        self._recent = Swatches(RECENT, lambda number: self._pick("recent", number))
        self._chip = styled(HTML(), "ipc-chip")
        self._field = styled(Text(placeholder="#d04020 or 208, 64, 32", continuous_update=False), "ipc-field")
        self._slider = styled(IntSlider(size, 1, largest, readout=False), "ipc-slider")
        self._size = styled(HTML(), "ipc-value")
        self._file = styled(Text(f"{name}_colorized.png"), "ipc-field", "ipc-file")
        export = styled(
            Button(description="Export", tooltip="Write the picture at full size (.png, .jpg or .tif)"),
            "ipc-action",
        )
        self._field.observe(lambda change: self._wish(TypedColor(change["new"])), "value")
        self._slider.observe(lambda change: self._wish(Resize(change["new"])), "value")
        export.on_click(lambda _: post(ExportPicture(self._file.value)))
        offered = section("Suggested here" if recommend else "Common colours", self._suggested.box)
        switch(offered, "ipc-common", not recommend)
        self.panel = styled(
            VBox(
                [
                    section("Colour", self.gamut.box, row(self._chip, self._field)),
                    offered,
                    styled(section("Recent", self._recent.box), "ipc-recent"),
                    section("Point size", row(self._slider, self._size)),
                    section("Full-size picture", row(self._file, export)),
                ]
            ),
            "ipc-panel",
        )

    def _build_toolbar(self) -> HBox:
        def command(icon: str, tooltip: str, event: Any, *classes: str) -> Button:
            button = styled(Button(icon=icon, tooltip=tooltip), "ipc-tool", *classes)
            button.on_click(lambda _: self._post(event))
            return button

        self._undo = command("undo", "Undo", Command("undo"))
        self._redo = command("redo", "Redo", Command("redo"))
        self._delete = command("trash", "Delete the selected point", Command("delete"), "ipc-gap")
        self._reset = command(
            "eraser", "Remove all points and the mood (undo brings them back)", Command("reset")
        )
        self._before = command(
            "adjust", "Show the photograph before colorizing", Command("before"), "ipc-gap"
        )
        self._save = command(
            "save", "Save points and mood to a file", SaveHints(f"{self._stem}_hints.json"), "ipc-gap"
        )
        self._load = styled(
            FileUpload(accept=".json", description="", icon="folder-open"), "ipc-tool", "ipc-upload"
        )
        self._load.tooltip = f"Load points and mood from a file (up to {LIMIT / 1e6:g} MB)"
        receive_files(
            self._load,
            lambda name, content: self._post(LoadHints(name, content)),
            post=self._post,
            what="a file of points",
            instead="put it beside the notebook and call load(path) of the pad or of its session",
        )
        tools = [self._undo, self._redo, self._delete, self._reset, self._before, self._save, self._load]
        return styled(HBox([*tools, arm(".ipc-toolbar")]), "ipc-toolbar")

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
        with self._wish.writing():
            self._undo.disabled, self._redo.disabled = not view.can_undo, not view.can_redo
            self._delete.disabled, self._reset.disabled = view.ab is None, not view.changed
            switch(self._before, "ipc-on", view.before)
            switch(self.panel, "ipc-idle", view.ab is None)
            self.gamut.show(view.lightness, view.ab)
            text = "" if view.rgb is None else to_hex(view.rgb)
            self._chip.value = f'<i style="background:{text or "transparent"}"></i>'
            if not keep_text:
                self._field.value = text
            switch(self._field, "ipc-bad", keep_text)
            self._size.value = f"{view.size} px"
            if not keep_size:
                self._slider.max = max(self._slider.max, view.size)
                self._slider.value = view.size
            for name, swatches, colors in (
                ("suggested", self._suggested, view.suggested),
                ("recent", self._recent, view.recent),
            ):
                self._colors[name] = colors
                swatches.show([(to_hex(rgb), tip) for rgb, _, tip in colors])

    def _pick(self, name: str, number: int) -> None:
        if number < len(self._colors[name]):
            self._post(Pick(self._colors[name][number][1]))
