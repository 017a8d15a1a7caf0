"""`pytest --max-skips N`: more skipped tests are a failure, for a test that does not run finds nothing."""

from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--max-skips", type=int, metavar="N", help="fail when more than N tests are skipped")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    bound = session.config.getoption("--max-skips")
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if bound is None or reporter is None:
        return
    skipped = reporter.getreports("skipped")  # whole modules as well
    if len(skipped) > bound and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    bound = config.getoption("--max-skips")
    skipped = len(terminalreporter.getreports("skipped"))
    if bound is not None and skipped > bound:
        terminalreporter.write_line(
            f"expected at most {bound} skipped tests, got {skipped}: install what they ask for, or raise "
            "--max-skips",
            red=True,
        )
