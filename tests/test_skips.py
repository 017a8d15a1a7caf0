"""`--max-skips`, in a run of pytest of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOME = """
import pytest

def test_runs():
    pass

@pytest.mark.skip(reason="no browser here")
def test_does_not():
    raise AssertionError
"""
WHOLE = 'import pytest\npytest.importorskip("a_package_that_nobody_has")\n'


@pytest.mark.parametrize(
    ("bound", "code", "said"),
    [
        ((), 0, "1 passed, 2 skipped"),
        (("--max-skips", "2"), 0, "1 passed, 2 skipped"),
        (("--max-skips", "1"), 1, "expected at most 1 skipped tests, got 2"),
        (("--max-skips", "0"), 1, "expected at most 0 skipped tests, got 2"),
    ],
)
def test_skipped_tests_are_bounded(bound, code, said, tmp_path):
    (tmp_path / "test_some.py").write_text(SOME)
    (tmp_path / "test_whole.py").write_text(WHOLE)
    (tmp_path / "conftest.py").write_text("from skips import *  # noqa: F403\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "skips.py").write_text((Path(__file__).parent / "skips.py").read_text())
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *bound],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (ended.returncode, said in ended.stdout) == (code, True), ended.stdout
