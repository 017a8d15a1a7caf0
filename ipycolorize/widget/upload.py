"""Files from the browser: what is too large for the way says so, instead of vanishing.

A Jupyter server takes no message beyond 10 MB: it cuts the connection without a word, and the file is never
seen. So a script looks at every file before it is sent. What is too large goes on as an empty file whose type
tells its size; pictures can be shrunk by the browser instead.

What was learnt about ipywidgets' FileUpload and is kept in this one place: its ``<input>`` is in no document,
so the script borrows that input from a click that it makes itself. A widget's HTML cannot reach around itself
before it is on the screen: the start of an animation tells when. Where a page allows no scripts, a click
still opens the dialog.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from ipywidgets import HTML, FileUpload

from .parts import Post, guarded, printable, styled

LIMIT = 9_500_000  # bytes of a file, which is wrapped in a message of at most 10 MB
_MARK = "application/x-too-large; size="

# `place` is the element around it; `shrink` makes a smaller file of a large one, or fails
_SCRIPT = """
const inputs = HTMLInputElement.prototype, click = inputs.click;
let input = null, passing = false;
inputs.click = function () { input = this; };
try { place.querySelector('.widget-upload').click(); } finally { inputs.click = click; }
if (!input) return;

const give = (files) => { input.files = files; input.dispatchEvent(new Event('change')); };
input.addEventListener('change', (event) => {
  const file = input.files[0];
  if (passing || !file || file.size <= (shrink ? LARGE : LIMIT)) return;
  event.stopImmediatePropagation();
  const refuse = () => file.size <= LIMIT ? file : new File([], file.name, {type: `MARK${file.size}`});
  (shrink ? shrink(file) : Promise.reject()).catch(refuse).then((small) => {
    const files = new DataTransfer();
    files.items.add(small);
    passing = true;
    try { give(files.files); } finally { passing = false; }
  });
}, true);
"""


def arm(place: str, *, shrink: str = "null", large: int = LIMIT, more: str = "") -> HTML:
    """The script for the FileUpload within the nearest element around it, as a part to be put beside it.

    Args:
        place: CSS selector of that element.
        shrink: JavaScript of a function File -> Promise of a smaller File; "null": there is no such thing.
        large: bytes beyond which it is tried.
        more: JavaScript to be run with `place`, `input` and `give(files)`.
    """
    body = _SCRIPT.replace("LARGE", str(large)).replace("LIMIT", str(LIMIT)).replace("MARK", _MARK)
    head = f"const place = this.closest('{place}'); if (place.armed) return; place.armed = true;"
    script = f"{head} const shrink = {shrink}; {body} {more}"
    return styled(HTML(f'<i class="ipc-arm" onanimationstart="{html.escape(script)}"></i>'), "ipc-arm-holder")


def receive_files(
    upload: FileUpload, receive: Callable[[str, bytes], None], *, post: Post, what: str, instead: str
) -> None:
    """Have a file received whenever one is chosen; what fails, and a file that is too large, is posted.

    Args:
        upload: the button.
        receive: called with (name, content).
        post: takes what a callback fails with.
        what: is expected.
        instead: what to do with a file that is too large.
    """

    def chosen(change: Any) -> None:
        if not change["new"]:
            return
        file = change["new"][0]
        upload.value = ()  # the same file may be chosen again
        name = printable(PureWindowsPath(PurePosixPath(str(file["name"])).name).name)
        kind = str(file.get("type", ""))
        if kind.startswith(_MARK):
            size = int(kind.removeprefix(_MARK)) / 1e6
            raise ValueError(
                f"expected {what} of at most {LIMIT / 1e6:g} MB, got {name} of {size:.1f} MB, more than a "
                f"notebook server takes in one message: {instead}"
            )
        receive(name, bytes(file["content"]))

    upload.observe(guarded(post, chosen), "value")
