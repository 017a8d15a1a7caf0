"""What was asked for cannot be done with what was given.

A command ends with one line for an error whose class this package defines, and for what the system refuses.
Anything else, a plain `ValueError` too, is a mistake of the program and is shown with its traceback.
"""

from __future__ import annotations


class RequestError(ValueError):
    """Something that a person asked for and that cannot be; says what was expected, what came, what to do."""
