"""How quick the pad is here: clicks, a drag, and memory, in a real JupyterLab in headless Chromium.

    python tests/browser/measure_clicks.py [--clicks 20] [--updates 1000]

Prints the median time from a click on a colour to changed pixels of the picture, with its parts; how long the
picture still changes after the release of a 3 s drag at 60 Hz; and how much memory the updates cost. Numbers
depend on what else the machine does: look at the load that is printed with them.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from jlab import CHROMIUM, CHROMIUM_ARGS, Notebook, Pad, Server  # lies beside this script
from playwright.sync_api import Browser, sync_playwright

CELL = """
import ipycolorize
from sklearn.datasets import load_sample_image
pad = ipycolorize.Colorizer(load_sample_image("china.jpg"))
pad
"""
# notes the time at which each click happened, and at which a pixel of the visible canvas got another colour
PROBE = """([canvas, x, y]) => {
    const probe = window.probe = {down: 0, shown: [], last: ''};
    document.addEventListener('mousedown', event => { probe.down = event.timeStamp; }, true);
    const draw = CanvasRenderingContext2D.prototype.drawImage;
    CanvasRenderingContext2D.prototype.drawImage = function (...args) {
        draw.apply(this, args);
        if (this.canvas !== canvas) return;
        const now = this.getImageData(x, y, 1, 1).data.join();
        if (now !== probe.last) probe.shown.push(performance.now());
        probe.last = now;
    };
}"""
DRAG = """async ([element, from, to, seconds]) => {
    const at = (share) => ({
        clientX: from[0] + (to[0] - from[0]) * share, clientY: from[1] + (to[1] - from[1]) * share,
        bubbles: true, cancelable: true, button: 0, buttons: 1,
    });
    element.dispatchEvent(new MouseEvent('mousedown', at(0)));
    const steps = seconds * 60, start = performance.now();
    for (let step = 1; step <= steps; step++) {
        while (performance.now() < start + step * 1000 / 60)
            await new Promise(resolve => setTimeout(resolve, 1));
        element.dispatchEvent(new MouseEvent('mousemove', at(Math.abs(Math.sin(step / 20)))));
    }
    window.probe.shown = [];
    element.dispatchEvent(new MouseEvent('mouseup', {...at(Math.abs(Math.sin(steps / 20))), buttons: 0}));
    const released = performance.now();
    await new Promise(resolve => setTimeout(resolve, 2000));
    return window.probe.shown.map(time => time - released);
}"""


def measure_clicks(pad: Pad, count: int) -> None:
    """Clicks on colours of the gamut -> changed pixels beside the point."""
    pad.click(235, 400)
    pad.settle()
    scale = pad.notebook.value("pad._picture.frame.grid[0] / pad.session.photo.shape[0]")
    probe = [pad.canvas.element_handle(), int(440 * scale), int(235 * scale)]
    pad.page.evaluate(PROBE, probe)
    pad.notebook.execute(
        "import time\n"
        "from ipycolorize.widget import flow\n"
        "encode, times = flow.data_url, []\n"
        "def timed(rgb, quality):\n"
        "    began = time.perf_counter()\n"
        "    data = encode(rgb, quality)\n"
        "    times.append((time.perf_counter() - began) * 1000)\n"
        "    return data\n"
        "flow.data_url = timed"
    )
    total, network, render, encode = [], [], [], []
    for number in range(count + 3):
        pad.page.evaluate("() => { window.probe.shown = []; }")
        pad.notebook.execute("times.clear()")
        pad.pick(25 - 50 * (number % 2), 20 if number % 4 < 2 else -15)
        pad.page.wait_for_function("() => window.probe.shown.length > 0")
        if number >= 3:  # the first ones warm everything up
            total.append(pad.page.evaluate("() => window.probe.shown[0] - window.probe.down"))
            timings = pad.notebook.value("pad.session.timings")
            network.append(timings["edit_ms"])
            render.append(timings["render_ms"])
            encode.append(pad.notebook.value("times[0]"))
        pad.settle()
    parts = [statistics.median(part) for part in (total, network, render, encode)]
    slow = sorted(total)[int(0.9 * count)]
    print(f"click -> changed pixels, median of {count}: {parts[0]:.0f} ms (90 %: {slow:.0f}):")
    print(
        f"  network {parts[1]:.0f}, picture of the screen's size {parts[2]:.0f}, JPEG {parts[3]:.1f}, ",
        end="",
    )
    print(f"transport both ways, browser and waiting {parts[0] - sum(parts[1:]):.0f} ms")


def measure_drag(pad: Pad) -> None:
    """A drag of 3 s: when does the picture stop to change after the release?"""
    stage = pad.root.locator(".ipc-stage").element_handle()
    hint = pad.hints()[0]
    way = [list(pad.place(hint["row"], hint["col"])), list(pad.place(100, 150))]
    late = pad.page.evaluate(DRAG, [stage, *way, 3])
    drag = [milliseconds for milliseconds in late if milliseconds < 300]  # later the final picture comes
    print(f"3 s drag at 60 Hz: its last frame came {max(drag, default=0):.0f} ms after the release, ", end="")
    print(f"the final picture after {max(late, default=0):.0f} ms")


def measure_memory(pad: Pad, browser: Browser, updates: int) -> None:
    """Growth of the browser and of the kernel over many updates."""
    tools = browser.new_browser_cdp_session()
    page = pad.page.context.new_cdp_session(pad.page)

    def megabytes() -> dict[str, float]:
        page.send("HeapProfiler.collectGarbage")
        amounts = {"page's objects": page.send("Runtime.getHeapUsage")["usedSize"] / 2**20}
        for process in tools.send("SystemInfo.getProcessInfo")["processInfo"]:
            if process["type"] in ("browser", "renderer"):
                amounts[process["type"]] = amounts.get(process["type"], 0.0) + private(process["id"])
        amounts["kernel"] = private(pad.notebook.value("os.getpid()"))
        return amounts

    def growth(title: str) -> None:
        after = megabytes()
        print(f"  {title}: " + ", ".join(f"{name} {after[name] - before[name]:+.1f}" for name in before))

    pad.notebook.execute(
        "import gc, os\n"
        "from ipycolorize.widget.gestures import Pick\n"
        "def run(count):\n"
        "    for number in range(count):\n"
        "        pad._worker.post(Pick((number % 41 - 20, number % 31 - 15)))\n"
        "        pad._worker.wait(idle=0)\n"
        "    gc.collect()"
    )
    pad.notebook.execute("run(100)")
    pad.settle(rest=True)
    before, began = megabytes(), time.monotonic()
    pad.notebook.execute(f"run({updates})")
    pad.settle(rest=True)
    print(f"{updates} updates in {time.monotonic() - began:.0f} s; private memory grew by (MiB)")
    growth("at once")
    # Chromium keeps decoded pictures for minutes, until memory gets short: that is a cache, not a leak
    for _ in range(2):
        page.send("Memory.simulatePressureNotification", {"level": "critical"})
        pad.page.wait_for_timeout(2000)
    growth("after Chromium emptied its caches")


def private(process: int) -> float:
    """Memory of a process that it shares with none, in MiB."""
    text = Path(f"/proc/{process}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_")) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clicks", type=int, default=20, help="clicks to take the median of")
    parser.add_argument("--updates", type=int, default=1000, help="updates for the memory test")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder)) as server, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=CHROMIUM_ARGS)
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(60_000)
        notebook = Notebook(page, server, server.notebook("measure.ipynb", CELL))
        notebook.run_all()
        pad = Pad(notebook)
        pad.settle()
        print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; {pad.status.inner_text()}")
        measure_clicks(pad, options.clicks)
        measure_drag(pad)
        measure_memory(pad, browser, options.updates)
        browser.close()


if __name__ == "__main__":
    main()
