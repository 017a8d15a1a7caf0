"""A pair of pictures in the browser: shown one after the other for an exact time, then a question.

What a kernel sends arrives when it arrives. So both pictures travel beforehand, in one piece with a script
that waits until they are decoded, switches them with the screen's own frames and measures how long each was
really there. The script answers through a text field that nobody sees, as if somebody had typed there.

- A widget's HTML cannot reach around itself before it is on the screen: the start of an animation tells when.
- After a page has been reloaded, or in a second view, nothing plays before somebody has pressed a button.
- Notebook 7 takes the keys 1, 2 and p for its own commands, except below `data-lm-suppress-shortcuts`.
"""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Sequence

import numpy as np
from PIL import Image

SCRIPT = """
const stage = this.parentElement, pad = stage.closest('.ipc-pad');
const one = (name) => stage.querySelector(name);
if (!pad || stage.armed) return;
stage.armed = true;
stage.classList.add('ipc-armed');
const trial = JSON.parse(stage.dataset.trial), pictures = [...stage.querySelectorAll('img')];
const tell = (message) => {
  const field = pad.querySelector('.ipc-report input');
  field.value = JSON.stringify({trial: trial.number, at: performance.now(), ...message});
  field.dispatchEvent(new Event('input', {bubbles: true}));
  field.dispatchEvent(new Event('change', {bubbles: true}));
};
const rest = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));
const frame = () => new Promise((done) => requestAnimationFrame(done));
const show = async (picture) => {
  let now = await frame();
  const began = now;
  picture.classList.add('ipc-on');
  while (now - began < 1000 * trial.seconds - 8) now = await frame();
  picture.classList.remove('ipc-on');
  return (now - began) / 1000;
};
let asked = 0, times = [];
const play = async () => {
  pad.dataset.live = 'yes';
  stage.className = 'ipc-trial ipc-armed ipc-playing';
  stage.focus({preventScroll: true});
  await Promise.all(pictures.map((picture) => picture.decode()));
  tell({event: 'began'});
  await rest(trial.blank);
  stage.classList.add('ipc-first');
  times.push(await show(pictures[0]));
  stage.classList.remove('ipc-first');
  await rest(trial.between);
  stage.classList.add('ipc-second');
  times.push(await show(pictures[1]));
  stage.className = 'ipc-trial ipc-armed ipc-asking';
  asked = performance.now();
};
const answer = (chosen) => {
  if (!asked) return;
  tell({event: 'answer', chosen, shown: times, reaction: (performance.now() - asked) / 1000});
  asked = 0;
  stage.className = 'ipc-trial ipc-armed ipc-playing';
};
const go = one('.ipc-go'), hold = one('.ipc-hold');
const start = () => {
  if (!stage.classList.contains('ipc-waiting')) return;
  if (pictures.length) play(); else tell({event: 'again'});
};
go.onclick = start;
hold.onclick = () => {
  pad.dataset.hold = pad.dataset.hold ? '' : 'yes';
  hold.classList.toggle('ipc-on', !!pad.dataset.hold);
  stage.focus({preventScroll: true});
};
hold.classList.toggle('ipc-on', !!pad.dataset.hold);
const first = () => answer(1), second = () => answer(2);
const keys = {1: first, 2: second, ArrowLeft: first, ArrowRight: second};
one('.ipc-one').onclick = first;
one('.ipc-two').onclick = second;
stage.onkeydown = (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const own = event.target !== stage && (event.key === 'Enter' || event.key === ' ');
  const act = {...keys, Enter: start, ' ': start, p: () => hold.onclick()}[event.key];
  if (!act || own) return;
  event.preventDefault();
  act();
};
if (!pad.dataset.live || pad.dataset.hold || trial.wait) {
  if (pad.dataset.live) stage.focus({preventScroll: true});
  pad.dataset.hold = '';
  hold.classList.remove('ipc-on');
  stage.className = 'ipc-trial ipc-armed ipc-waiting';
} else play();
"""

CSS = """
.ipc-pad .ipc-report { position: absolute; width: 1px; height: 1px; opacity: 0; pointer-events: none; }
.ipc-pad .ipc-show, .ipc-show > .widget-html-content { width: 100%; min-width: 0; }
.ipc-trial { max-width: 620px; outline: none; }
.ipc-trial:focus-visible .ipc-screen { box-shadow: 0 0 0 2px var(--ipc-fill), 0 0 0 3px var(--ipc-line); }
.ipc-screen {
  position: relative; display: flex; align-items: center; justify-content: center; box-sizing: border-box;
  padding: 24px; border-radius: 4px; background: #777; color: #fff; font-size: 14px; line-height: 21px;
}
.ipc-screen img { position: absolute; visibility: hidden; max-width: 100%; height: auto; }
.ipc-screen img.ipc-on { visibility: visible; }
.ipc-cross-hair { display: none; font-size: 26px; font-weight: 300; }
.ipc-playing:not(.ipc-first):not(.ipc-second) .ipc-cross-hair { display: block; }
.ipc-cover, .ipc-ask { display: none; max-width: 430px; text-align: center; text-wrap: balance; }
.ipc-waiting .ipc-cover, .ipc-asking .ipc-ask, .ipc-trial:not(.ipc-armed) .ipc-cover { display: block; }
.ipc-trial:not(.ipc-armed) .ipc-go { display: none; }
.ipc-cover p, .ipc-ask p { margin: 0 0 12px; }
.ipc-cover .ipc-news { font-size: 16px; font-weight: 600; }
.ipc-screen button {
  min-width: 104px; height: 34px; margin: 4px; padding: 0 16px; border: 0; border-radius: 4px;
  font: 500 14px var(--jp-ui-font-family, system-ui, sans-serif); color: #222; background: #fff;
  cursor: pointer;
}
.ipc-screen button:hover { background: #e8e8e8; }
.ipc-screen button:focus-visible { outline: 2px solid #fff; outline-offset: 2px; }
.ipc-screen kbd {
  padding: 0 5px; border: 1px solid currentColor; border-radius: 3px; font: inherit; font-size: 12px;
  opacity: .75;
}
.ipc-below {
  display: flex; flex-wrap: wrap; align-items: center; gap: 4px 12px; min-height: 34px;
  color: var(--ipc-soft);
}
.ipc-which {
  flex: 1 1 20px; text-align: center; font-weight: 600; color: var(--ipc-text); visibility: hidden;
}
.ipc-first .ipc-which::after { content: "1"; visibility: visible; }
.ipc-second .ipc-which::after { content: "2"; visibility: visible; }
.ipc-below button {
  width: 150px; padding: 3px 0; border: 1px solid var(--ipc-line); border-radius: 3px;
  font: 12px var(--jp-ui-font-family, system-ui, sans-serif); color: var(--ipc-text); background: transparent;
  cursor: pointer;
}
.ipc-below button:hover { background: var(--ipc-hover); }
.ipc-below button.ipc-on { color: #fff; background: var(--ipc-accent); border-color: var(--ipc-accent); }
.ipc-count { width: 150px; }
.ipc-done { height: 4px; margin-bottom: 6px; border-radius: 2px; background: var(--ipc-line); }
.ipc-done i { display: block; height: 4px; border-radius: 2px; background: var(--ipc-accent); }
.ipc-end { max-width: 620px; line-height: 20px; }
.ipc-end table { margin: 8px 0; border-collapse: collapse; }
.ipc-end td, .ipc-end th {
  padding: 3px 14px 3px 0; text-align: left; border-bottom: 1px solid var(--ipc-line);
}
.ipc-end td + td, .ipc-end th + th { text-align: right; }
"""


def stage(
    pictures: Sequence[np.ndarray], *, number: int, count: str, done: float, cover: str, button: str,
    wait: bool, seconds: float, blank: float, between: float,
) -> str:  # fmt: skip
    """The HTML of a trial.

    Args:
        pictures: ``(H, W, 3)`` uint8, first and second, of one shape; none for a message alone, whose button
            asks the kernel to try again.
        number: of the trial, which comes back with every message.
        count: where in the test this is, as HTML.
        done: share of the test, in [0, 1].
        cover: HTML of the message that is there while nothing plays.
        button: under that message.
        wait: show the message, and play when the button is pressed; else play at once.
        seconds: that each picture is shown.
        blank: seconds before the first.
        between: seconds of blank between them.
    """
    trial = {"number": number, "seconds": seconds, "blank": blank, "between": between, "wait": wait}
    height, width = pictures[0].shape[:2] if pictures else (256, 0)
    shown = "".join(
        f'<img src="{_url(picture)}" width="{width}" height="{height}" alt="" draggable="false">'
        for picture in pictures
    )
    return (
        f'<div class="ipc-trial" tabindex="0" data-lm-suppress-shortcuts="true" role="group" '
        f'aria-label="Real or fake" data-trial="{html.escape(json.dumps(trial))}">'
        f'<div class="ipc-done"><i style="width:{100 * done:.1f}%"></i></div>'
        f'<div class="ipc-screen" style="min-height:{height + 48}px">{shown}'
        '<span class="ipc-cross-hair">+</span>'
        f'<div class="ipc-cover">{cover}<button class="ipc-go">{html.escape(button)}</button></div>'
        '<div class="ipc-ask" role="status"><p>Which one had the synthetic colours?</p>'
        '<button class="ipc-one">The first <kbd>1</kbd></button>'
        '<button class="ipc-two">The second <kbd>2</kbd></button></div></div>'
        f'<div class="ipc-below"><span class="ipc-count">{count}</span><span class="ipc-which"></span>'
        '<button class="ipc-hold" title="p">Pause after this pair</button></div>'
        f'<i class="ipc-arm" onanimationstart="{html.escape(SCRIPT)}"></i></div>'
    )


def _url(picture: np.ndarray) -> str:
    """Without loss, so that no traces of compression tell the two apart."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", compress_level=3)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
