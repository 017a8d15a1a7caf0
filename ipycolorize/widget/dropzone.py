"""A place for a photograph: click to choose a file, or drop one on it.

FileUpload takes no drops, and its ``<input>`` is in no document where one could fall on it: a script puts
dropped files there as if they had been chosen. The browser shrinks large pictures, which nearly keeps the
statistics of their colours.
"""

from __future__ import annotations

import html
from collections.abc import Callable

from ipywidgets import HTML, Box, Button, FileUpload

from .parts import Post, printable, styled, switch
from .upload import arm, receive_files

LARGE = 6_000_000  # bytes of a picture that is shrunk, to SIDE pixels
_SHRINK = """async (file) => {
  const SIDE = 1024, picture = await createImageBitmap(file);
  const scale = Math.min(1, SIDE / Math.max(picture.width, picture.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(8, Math.round(scale * picture.width));
  canvas.height = Math.max(8, Math.round(scale * picture.height));
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const content = await new Promise((done) => canvas.toBlob(done, 'image/jpeg', 0.95));
  return new File([content], file.name);
}"""
_DROP = """
place.ondragover = (event) => { event.preventDefault(); place.classList.add('ipc-over'); };
place.ondragleave = () => place.classList.remove('ipc-over');
place.ondrop = (event) => {
  event.preventDefault();
  event.stopPropagation();
  place.classList.remove('ipc-over');
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
        post: takes what a callback fails with, such as a file that is too large.
    """

    def __init__(
        self,
        *,
        invitation: str,
        tooltip: str,
        on_file: Callable[[str, bytes], None],
        on_forget: Callable[[], None],
        post: Post,
    ) -> None:
        self._invitation = invitation
        self._text = styled(HTML(invitation), "ipc-reference")
        self._upload = styled(FileUpload(accept="image/*", description="", icon=""), "ipc-over-all")
        self._upload.tooltip = tooltip
        receive_files(
            self._upload,
            on_file,
            post=post,
            what="a picture that the browser can shrink, or one",
            instead="make it smaller, or save it as JPEG or PNG",
        )
        self._forget = styled(Button(icon="times", tooltip="Take it away"), "ipc-cross")
        self._forget.on_click(lambda _: on_forget())
        script = arm(".ipc-drop", shrink=_SHRINK, large=LARGE, more=_DROP)
        self.box = styled(Box([self._text, self._upload, self._forget, script]), "ipc-drop")

    def show(self, name: str, look: str) -> None:
        """Show a file by its name and a CSS background; without a name, the invitation."""
        switch(self.box, "ipc-filled", bool(name))
        self._forget.layout.visibility = "visible" if name else "hidden"
        filled = f'<i style="background:{look}"></i><span>{html.escape(printable(name))}</span>'
        self._text.value = filled if name else self._invitation
