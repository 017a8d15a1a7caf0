"""How commands end: exit codes, and whether an error is a person's, the system's or the program's own."""

from __future__ import annotations

import os
import sys
import traceback

DONE = 0
REFUSED = 1
USAGE = 2  # argparse's own
MISTAKE = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 130  # 128 + SIGINT, as shells count
PIPE_CLOSED = 141  # 128 + SIGPIPE

TABLE = """exit codes:
  0    done
  1    refused: something given cannot be read, written or used; a photograph of a
       batch failed; weights or an installation are not sound
  2    the arguments cannot be understood
  70   a mistake of the program itself, shown with its traceback
  130  stopped by Ctrl-C
(lab ends with JupyterLab's own code)"""

_PACKAGE = __name__.split(".")[0]


def is_refusal(error: BaseException) -> bool:
    """Whether an error tells a person something: the package's own classes, and what the system refuses.

    A plain ValueError or RuntimeError is none: it may be a mistake anywhere.
    """
    own = type(error).__module__.split(".")[0] == _PACKAGE
    # a bare OSError without a number comes from a library; FileExistsError and its like say what they mean
    system = isinstance(error, OSError) and (error.errno is not None or type(error) is not OSError)
    return own or system or _is_memory(error)


def _is_memory(error: BaseException) -> bool:
    """Whether memory was refused; torch says it in classes and words of its own."""
    named = any(kind.__name__ == "OutOfMemoryError" for kind in type(error).__mro__)
    said = isinstance(error, RuntimeError) and "not enough memory" in str(error)
    return isinstance(error, MemoryError) or named or said


def describe(error: BaseException) -> tuple[int, str]:
    """The exit code of an error and what to print of it; a mistake of the program keeps its traceback."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED, "stopped"
    if _is_memory(error):
        return REFUSED, (
            "expected more free memory, the system gave none: close other programs, or use smaller "
            "photographs or fewer processes"
        )
    if is_refusal(error):
        return REFUSED, str(error)
    kept = "".join(traceback.format_exception(error)).rstrip()
    return MISTAKE, (
        f"this is a mistake of the program, not yours ({type(error).__name__}: {error}); please report it "
        f"with the lines below\n{kept}"
    )


def end(error: BaseException) -> int:
    """Print what an error has to say on stderr; returns the exit code."""
    if isinstance(error, BrokenPipeError):  # whoever read our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to flush at exit
        return PIPE_CLOSED
    code, text = describe(error)
    print(f"ipycolorize: {text}", file=sys.stderr)
    return code
