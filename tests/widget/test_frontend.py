"""What a pad says where it cannot be shown, which server hands over its files, and its own queue."""

import base64
import json
import os
import subprocess
import sys
import threading

import pytest
from ipywidgets import Widget
from jupyter_server import serverapp
from PIL import Image

from ipycolorize import Colorizer, Compare
from ipycolorize.widget import frontend, static
from ipycolorize.widget.canvas import Layers, Queue


def half(folder, name, version):
    """A front-end half of some version in a folder of extensions."""
    (folder / name).mkdir(parents=True)
    (folder / name / "package.json").write_text(json.dumps({"name": name, "version": version}))


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The kernel's own halves."""
    folder = tmp_path / "own"
    for name, version in (
        ("@jupyter-widgets/jupyterlab-manager", "5.0.16"),
        ("ipycanvas", "0.14.3"),
        ("ipyevents", "2.0.4"),
    ):
        half(folder, name, version)
    monkeypatch.setattr(frontend, "_OWN", folder)
    return folder


def test_halves_that_a_host_lacks_are_named_whether_absent_or_of_another_version(own, tmp_path):
    host = tmp_path / "host"
    assert frontend.missing([own]) == {}
    assert list(frontend.missing([host])) == ["jupyterlab_widgets", "ipycanvas", "ipyevents"]
    half(host, "@jupyter-widgets/jupyterlab-manager", "5.1.0")
    half(host, "ipycanvas", "0.13.2")
    half(host, "ipyevents", "2.9.0")
    assert frontend.missing([host]) == {"ipycanvas": "0.13.2"}
    assert frontend.missing([own, host]) == {}, "the first folder counts"
    (host / "ipyevents" / "package.json").write_text("{")
    assert list(frontend.missing([host])) == ["ipycanvas", "ipyevents"]


def test_advice_names_interpreter_missing_halves_and_a_way_without_rights(own, tmp_path, monkeypatch):
    home, host = tmp_path / "home", tmp_path / "the host"
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(home))
    monkeypatch.delenv("JUPYTER_PATH", raising=False)
    half(host / "share" / "jupyter" / "labextensions", "@jupyter-widgets/jupyterlab-manager", "5.0.16")
    said = frontend.advice(host)
    assert f"{host} lacks ipycanvas and ipyevents" in said.problem
    assert said.command.startswith(f"'{host}/bin/python' -m pip install ipycanvas==0.14")
    assert "<code>&#x27;" in said.html(), "names of folders cannot become HTML"
    subprocess.run(said.copies, shell=True, check=True)  # the very command that the person would type
    assert frontend.missing(frontend.extension_folders(host)) == {}
    again = frontend.advice(host)
    assert "stays blank" in again.text()
    assert "has not answered" in frontend.advice(host, silent=True).text()


def test_every_widget_says_it_in_text_and_html_beside_its_view(session, photo, monkeypatch):
    monkeypatch.setattr(frontend, "server_pid", os.getpid)  # as in a kernel
    for widget in (Colorizer(session), Compare(photo, [session.network])):
        bundle = widget._repr_mimebundle_()
        assert "application/vnd.jupyter.widget-view+json" in bundle
        assert "pip install" in bundle["text/plain"]
        assert 'class="ipc-missing"' in bundle["text/html"]
        widget.close()


def test_outside_a_kernel_one_sentence_says_what_to_do(pad, monkeypatch):
    assert (
        "`ipycolorize lab` opens one; its snapshot() gives the picture"
        in pad._repr_mimebundle_()["text/plain"]
    )
    monkeypatch.setitem(sys.modules, "marimo", sys)
    bundle = pad._repr_mimebundle_()
    assert sorted(bundle) == ["text/html", "text/plain"], "no view that would stay blank"
    assert "marimo shows anywidgets only" in bundle["text/html"]


def silent(widget, worker):
    """Wait until its patience has ended and it says so."""
    widget._patience._timer.join(60)
    assert worker.wait(60, idle=1)
    assert "ipc-missing" in widget._status.value
    assert "pip install" in widget._status.value


def test_a_browser_that_answers_while_the_network_is_busy_is_not_called_silent(session, monkeypatch):
    monkeypatch.setattr(frontend, "server_pid", os.getpid)
    pad = Colorizer(session)
    with session.lock:  # what the worker waits for
        pad.refresh()
        pad._picture.canvas[0]._handle_frontend_event(None, {"event": "client_ready"}, [])
        pad._post(frontend.SILENT)  # in the same moment
    assert pad._worker.wait(60, idle=1)
    assert "ipc-missing" not in pad._status.value
    pad.close()


def test_silence_of_the_browser_shows_in_the_status_line_until_it_answers(session, photo, monkeypatch):
    monkeypatch.setattr(frontend, "server_pid", os.getpid)  # as in a kernel
    monkeypatch.setattr(frontend.Patience.__init__, "__kwdefaults__", {"seconds": 0.01})
    pad = Colorizer(session)
    silent(pad, pad._worker)
    pad.refresh()
    silent(pad, pad._worker)  # what else is said does not take its place
    pad._picture.canvas[0]._handle_frontend_event(None, {"event": "client_ready"}, [])
    assert pad._worker.wait(60, idle=1)
    assert "ipc-missing" not in pad._status.value
    pad.close()
    both = Compare(photo, [session.network])
    silent(both, both._worker)
    both._sides[0].picture.canvas[0]._handle_frontend_event(None, {"event": "client_ready"}, [])
    assert both._worker.wait(60, idle=1)
    assert "ipc-missing" not in both._status.value
    both.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "ipycolorize-patience"]


def test_only_the_server_that_started_this_kernel_is_asked_for_files(tmp_path, monkeypatch):
    path = tmp_path / "picture.png"
    Image.new("RGB", (3, 2), "red").save(path)
    other = {"pid": os.getpid(), "root_dir": str(tmp_path), "base_url": "/other/"}
    mine = {"pid": os.getppid(), "root_dir": str(tmp_path), "base_url": "/mine/"}
    monkeypatch.setattr(static, "server_pid", os.getppid)
    monkeypatch.setattr(serverapp, "list_running_servers", lambda: [other, mine])
    assert static.download_url(path) == "/mine/files/picture.png?download=1"
    monkeypatch.setattr(serverapp, "list_running_servers", lambda: [other])
    assert static.download_url(path) is None
    link = static.saved(path, "Written")
    assert f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}" in link
    assert 'download="picture.png"' in link
    monkeypatch.setattr(static, "INSIDE", 10)
    assert "href" not in static.saved(path, "Written"), "too large for a link"


def test_a_program_that_a_kernel_started_is_no_kernel(monkeypatch):
    monkeypatch.setenv("JPY_PARENT_PID", str(os.getppid()))
    assert frontend.server_pid() is None
    assert frontend.host_prefix() is None


def test_layers_need_nothing_of_the_queue_that_ipycanvas_made_for_the_process():
    code = (
        "from ipywidgets import Widget\n"
        "import numpy as np\n"
        "from ipycolorize.widget.canvas import Picture\n"
        "Widget.close_all()\n"
        "nothing = lambda *_: None\n"
        "picture = Picture((30, 40), height=None, on_pointer=nothing, post=nothing, on_key=nothing,\n"
        "                  on_ready=nothing, on_room=nothing)\n"
        "picture.draw(rgb=np.zeros((30, 40, 3), np.uint8), marks=[])\n"
        "print('drawn')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout == "drawn\n", done.stderr


def test_top_layer_hears_what_happens_on_the_canvases():
    queue, heard = Queue(), []
    layers = Layers(2, queue, width=8, height=6)
    layers.on_key_down(lambda *given: heard.append(given))
    pressed = {"key": "a", "shift_key": False, "ctrl_key": False, "meta_key": False}
    layers._handle_custom_msg({"event": "key_down", **pressed}, [])
    assert [one[0] for one in heard] == ["a"]
    assert (layers[0].width, layers[1].height) == (8, 6)
    assert layers._canvas_manager is queue
    assert isinstance(layers, Widget)


@pytest.fixture
def displayed(monkeypatch):
    """What was displayed, as (bundle, metadata)."""
    seen = []

    class Handle:
        def update(self, bundle, *, raw, metadata=None):
            seen.append((bundle, metadata))

    def display(bundle, *, raw, metadata=None, display_id=None):
        seen.append((bundle, metadata))
        return Handle() if display_id else None

    monkeypatch.setattr(static, "display", display)
    return seen


def test_still_picture_says_whether_it_holds_work_and_outside_a_kernel_there_is_none(
    session, monkeypatch, displayed
):
    monkeypatch.setattr(static, "server_pid", lambda: None)
    pad = Colorizer(session)
    pad._ipython_display_()
    assert len(displayed) == 1, "the widget alone"
    displayed.clear()
    monkeypatch.setattr(static, "server_pid", os.getpid)
    pad._ipython_display_()
    assert displayed[1][1] == {"ipycolorize": {"edited": False}}
    session.add(20, 20, ab=(40, 30))
    pad.refresh()
    assert pad._worker.wait(60, idle=2)
    assert displayed[-1][1] == {"ipycolorize": {"edited": True}}
    pad.close()
