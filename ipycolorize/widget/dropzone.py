"""A place for a photograph: click to choose a file, or drop one on it.

What was learnt about ipywidgets' FileUpload and is kept in this one place:

- It takes no drops, and its ``<input>`` is in no document where one could fall on it. So a script borrows
  that input from a click that it makes itself, and puts dropped files there as if they had been chosen.
- A file beyond 10 MB is more than a Jupyter server takes in one message: it cuts the connection without a
  word. The script has the browser shrink those, which nearly keeps the statistics of their colours.
- A widget's HTML cannot reach around itself before it is on the screen: the start of an animation tells when.
  Where a page allows no scripts, a click still opens the dialog.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ipywidgets import HTML, Box, Button, FileUpload

from .parts import styled, switch

_SCRIPT = """
const LARGE = 6e6, SIDE = 1024;
const zone = this.closest('.ipc-drop');
if (zone.ondrop) return;
const inputs = HTMLInputElement.prototype, click = inputs.click;
let input = null;
inputs.click = function () { input = this; };
try { zone.querySelector('.widget-upload').click(); } finally { inputs.click = click; }
if (!input) return;

const give = (files) => { input.files = files; input.dispatchEvent(new Event('change')); };
const shrink = async (file) => {
  const picture = await createImageBitmap(file);
  const scale = Math.min(1, SIDE / Math.max(picture.width, picture.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(8, Math.round(scale * picture.width));
  canvas.height = Math.max(8, Math.round(scale * picture.height));
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return await new Promise((done) => canvas.toBlob(done, 'image/jpeg', 0.95));
};
input.addEventListener('change', (event) => {
  const file = input.files[0];
  if (!file || file.size < LARGE) return;
  event.stopImmediatePropagation();
  // what the browser cannot read comes as an empty file, about which the status line will complain
  shrink(file).catch(() => '').then((content) => {
    const files = new DataTransfer();
    files.items.add(new File([content], file.name));
    give(files.files);
  });
}, true);
zone.ondragover = (event) => { event.preventDefault(); zone.classList.add('ipc-over'); };
zone.ondragleave = () => zone.classList.remove('ipc-over');
zone.ondrop = (event) => {
  event.preventDefault();
  event.stopPropagation();
  zone.classList.remove('ipc-over');
  if (event.dataTransfer.files.length) give(event.dataTransfer.files);
};
"""


class DropZone:
    """The zone: empty with an invitation, or filled with a picture, a name and a cross.

    Args:
        invitation: text while it is empty.
        tooltip: of the zone.
        on_file: called with (name, content) of a file.
        on_forget: called when the cross is pressed.
    """

    def __init__(
        self,
        *,
        invitation: str,
        tooltip: str,
        on_file: Callable[[str, bytes], None],
        on_forget: Callable[[], None],
    ) -> None:
        self._invitation, self._on_file = invitation, on_file
        self._text = styled(HTML(invitation), "ipc-reference")
        self._upload = styled(FileUpload(accept="image/*", description="", icon=""), "ipc-over-all")
        self._upload.tooltip = tooltip
        self._upload.observe(self._chosen, "value")
        self._forget = styled(Button(icon="times", tooltip="Take it away"), "ipc-cross")
        self._forget.on_click(lambda _: on_forget())
        script = HTML(f'<i class="ipc-arm" onanimationstart="{html.escape(_SCRIPT)}"></i>')
        self.box = styled(
            Box([self._text, self._upload, self._forget, styled(script, "ipc-arm-holder")]), "ipc-drop"
        )

    def show(self, name: str, look: str) -> None:
        """Show a file by its name and a CSS background; without a name, the invitation."""
        switch(self.box, "ipc-filled", bool(name))
        self._forget.layout.visibility = "visible" if name else "hidden"
        filled = f'<i style="background:{look}"></i><span>{html.escape(name)}</span>'
        self._text.value = filled if name else self._invitation

    def _chosen(self, change: Any) -> None:
        if change["new"]:
            file = change["new"][0]
            self._on_file(Path(file["name"]).name, bytes(file["content"]))
            self._upload.value = ()  # the same file may be chosen again
