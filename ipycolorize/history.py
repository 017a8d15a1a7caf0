"""Undo and redo over immutable values."""

from __future__ import annotations

from typing import Generic, TypeVar

Value = TypeVar("Value")


class History(Generic[Value]):
    """States of something, with a present one among them.

    Args:
        first: where it begins; there is nothing to undo before it.
    """

    def __init__(self, first: Value) -> None:
        self._past, self._future = [first], list[Value]()

    def copy(self) -> History[Value]:
        """The same states, which go on apart from these."""
        other = History(self._past[0])
        other._past, other._future = [*self._past], [*self._future]
        return other

    @property
    def present(self) -> Value:
        """The state last recorded or gone back to."""
        return self._past[-1]

    @property
    def can_undo(self) -> bool:
        """Whether there is a state before the present."""
        return len(self._past) > 1

    @property
    def can_redo(self) -> bool:
        """Whether there is a state after the present."""
        return bool(self._future)

    def record(self, value: Value) -> None:
        """Make a new state the present, unless it is already; what was undone cannot be redone then."""
        if value != self.present:
            self._past.append(value)
            self._future.clear()

    def undo(self) -> Value:
        """Go back, if possible, and return the present."""
        if self.can_undo:
            self._future.append(self._past.pop())
        return self.present

    def redo(self) -> Value:
        """Go forward, if possible, and return the present."""
        if self.can_redo:
            self._past.append(self._future.pop())
        return self.present
