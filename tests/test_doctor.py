"""`doctor` and `weights` on real installations, whole ones and ones with something broken."""

import json
import re
import shutil
import subprocess
import sys
import time

import pytest
import torch

from ipycolorize.cli import checks, doctor, frontends, main
from ipycolorize.models import weights as weights_module
from ipycolorize.models.weights import load_model


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A person without weights of their own and without servers."""
    monkeypatch.setenv("IPYCOLORIZE_WEIGHTS", str(tmp_path / "own"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    return tmp_path


def report(capsys):
    code = main(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    return code, found["sound"], {check["name"]: check for check in found["checks"]}


def test_a_whole_installation_is_sound(alone, capsys):
    code, sound, found = report(capsys)
    assert (code, sound) == (0, True), [check for check in found.values() if check["status"] == "bad"]
    looked_at = {"python", "ipycanvas", "ipyevents", "@jupyter-widgets/jupyterlab-manager", "GPU", "threads"}
    assert looked_at | {"weights live", "temporary folder", "running servers", "self-test edit"} <= {*found}
    assert found["running servers"]["found"] == "none"
    assert main(["doctor", "--quiet"]) == 0
    assert capsys.readouterr().out == ""


def test_what_is_broken_is_named_with_what_mends_it(alone, monkeypatch, capsys):
    folder = alone / "weights"
    shutil.copytree(weights_module.weights_folder(), folder)
    whole = (folder / "zhang16.safetensors").read_bytes()
    (folder / "zhang16.safetensors").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    monkeypatch.setattr(weights_module, "weights_folder", lambda: folder)
    monkeypatch.setitem(frontends.EXTENSIONS, "ipycanvas", ("nowhere-canvas", "ipycanvas"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def crash():
        raise AttributeError("partially initialized module")

    monkeypatch.setitem(doctor.CHECKS, "self-test", crash)
    code, sound, found = report(capsys)
    assert (code, sound) == (1, False)
    bad = {name: check for name, check in found.items() if check["status"] == "bad"}
    assert {*bad} == {"weights zhang16", "nowhere-canvas", "self-test"}
    assert "damaged" in bad["weights zhang16"]["found"]
    assert bad["nowhere-canvas"]["remedy"] == f"{sys.executable} -m pip install ipycanvas"
    assert "AttributeError: partially initialized module" in bad["self-test"]["found"]
    assert main(["weights", "verify", "--quiet"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("zhang16 ")
    assert said.count("\n") == 1


def test_an_extension_that_is_switched_off_is_found(alone, monkeypatch):
    config = alone / "config" / "labconfig"
    config.mkdir(parents=True)
    (config / "page_config.json").write_text('{"disabledExtensions": {"ipyevents": true}}')
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(config.parent))
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(config.parent))
    found = {check.name: check for check in frontends.here()}
    assert found["ipyevents"].status == "bad"
    assert "switched off" in found["ipyevents"].found
    assert found["ipycanvas"].status == "ok"


def test_a_library_that_is_too_old_or_missing_is_found(monkeypatch):
    wanted = ["numpy>=999", "no-such-library>=1; extra == 'test'", "no-such-library>=2", "pillow>=1"]
    monkeypatch.setattr(checks.metadata, "requires", lambda name: wanted)
    found = {check.name: (check.status, check.remedy) for check in checks.libraries()}
    assert found == {
        "numpy": ("bad", "pip install 'numpy>=999'"),
        "no-such-library": ("bad", "pip install 'no-such-library>=2'"),
        "pillow": ("ok", ""),
    }


@pytest.mark.parametrize(("folders", "status"), [("[]", "bad"), (None, "ok")])
def test_a_running_server_without_the_extensions_is_found(alone, folders, status):
    """A real server that finds none, as one of another environment; and one as it should be."""
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.port=0"]
    command += [
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={alone}",
        "--IdentityProvider.token=secret",
    ]
    if folders is not None:
        command += [f"--LabApp.labextensions_path={folders}", f"--LabApp.extra_labextensions_path={folders}"]
    with (alone / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            end = time.monotonic() + 180
            found = frontends.running()
            while found[0].found == "none" or "refused" in found[0].found:
                assert time.monotonic() < end, (alone / "log").read_text()
                assert server.poll() is None, (alone / "log").read_text()
                time.sleep(0.2)
                found = frontends.running()
        finally:
            server.terminate()
    assert {check.status for check in found} == {status}, found
    if status == "bad":
        assert len(found) == 3
        assert re.fullmatch(r"server \d+: ipycanvas", found[1].name)
        assert found[1].found == "missing: the pad stays blank"
        if sys.platform == "linux":
            assert found[1].remedy == f"{sys.executable} -m pip install ipycanvas"


def test_a_folder_that_takes_no_file_is_found(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("")
    assert checks._folder("f", tmp_path / "new" / "er", "bad", "do").status == "ok"
    assert not (tmp_path / "new").exists()

    def refuse(**given):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(checks.tempfile, "TemporaryFile", refuse)
    assert checks._folder("f", tmp_path, "bad", "do") == checks.Check(
        "f", "bad", f"{tmp_path}: Permission denied", "do"
    )


def test_imported_weights_have_a_name(alone, tiny_path, small, capsys):
    from PIL import Image

    photo = alone / "p.png"
    Image.fromarray(small).save(photo)
    assert main(["weights", "import", str(tiny_path), "--name", "mine"]) == 0
    assert "--model mine" in capsys.readouterr().out
    mine, tiny = load_model("mine").state_dict(), load_model(tiny_path).state_dict()
    assert all(torch.equal(mine[key], tiny[key]) for key in tiny)
    assert main(["weights", "list"]) == 0
    assert re.search(r"^mine .* imported$", capsys.readouterr().out, re.M)
    assert main(["colorize", str(photo), "--model", "mine"]) == 0
    assert "mine on" in capsys.readouterr().out
    assert main(["weights", "verify", "mine"]) == 0
    # the same again is no error, another one under that name is, and so are names that cannot be
    before = {path: path.read_bytes() for path in (alone / "own").iterdir()}
    assert main(["weights", "import", str(tiny_path), "--name", "mine"]) == 0
    other = weights_module.weights_folder() / "zhang16.safetensors"
    for name, said in (
        ("mine", "there are weights called 'mine'"),
        ("live", "shipped"),
        ("../x", "a name of letters"),
    ):
        assert main(["weights", "import", str(other), "--name", name]) == 1
        assert said in capsys.readouterr().err
    assert {path: path.read_bytes() for path in (alone / "own").iterdir()} == before
    file = alone / "own" / "mine.safetensors"
    file.write_bytes(other.read_bytes())  # sound by itself, but not what was imported
    assert main(["weights", "verify", "mine"]) == 1
    assert "it has changed since it was imported" in capsys.readouterr().out
    (alone / "notes.safetensors").write_text("no weights")
    assert main(["weights", "import", str(alone / "notes.safetensors")]) == 1
    assert main(["weights", "verify", str(alone / "notes.safetensors")]) == 1
    assert not (alone / "own" / "notes.safetensors").exists()
    assert {path.name for path in (alone / "own").iterdir()} == {"mine.safetensors", "mine.json"}
