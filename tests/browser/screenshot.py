"""Takes the README's picture of the pad: python tests/browser/screenshot.py docs/pad.jpg."""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from jlab import CHROMIUM, CHROMIUM_ARGS, Notebook, Pad, Server  # lies beside this script
from playwright.sync_api import sync_playwright

CELL = """from ipycolorize import Colorizer, sample_photo

pad = Colorizer(sample_photo("china"))
pad"""
POINTS = (  # row, column, colour: sky, roof, wall, pillars, trees, water, hills
    (60, 480, "#a9c6e8"),
    (130, 205, "#8a8f78"),
    (265, 150, "#8f2f22"),
    (176, 210, "#a03a2a"),
    (400, 60, "#5d7a34"),
    (395, 480, "#6a8440"),
    (270, 450, "#9db7c4"),
    (215, 560, "#56703a"),
)


def main(target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder)) as server, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=CHROMIUM_ARGS)
        context = browser.new_context(viewport={"width": 1240, "height": 800}, device_scale_factor=1.5)
        page = context.new_page()
        notebook = Notebook(page, server, server.notebook("colorize.ipynb", CELL))
        notebook.run_all()
        pad = Pad(notebook)
        for row, col, colour in POINTS:
            pad.click(row, col)
            pad.settle()
            pad.field.fill(colour)
            pad.field.press("Enter")
            page.wait_for_timeout(300)  # for the text to reach the kernel
            pad.settle()
        pad.root.screenshot(path=str(target), quality=88, type="jpeg")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
