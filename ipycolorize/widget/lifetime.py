"""How long a widget lives: as long as somebody can reach it.

ipywidgets keeps every widget for ever, and a callback of a button in a pad keeps the pad. A pad costs a
hundred megabytes and a thread, and hosts that serve many visitors never close one. So its parts know it
weakly, and so does the registry: when the last variable, container or output lets go of it, it closes itself.
An output of IPython is such a holder: what has been displayed there stays until it is closed, for a page that
comes back will ask for it.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import Any

from IPython import get_ipython
from ipywidgets import VBox
from ipywidgets.widgets import widget as registry


def weakly(method: Callable[..., Any]) -> Callable[..., Any]:
    """A bound method as a callback that does not keep its object alive, and does nothing once it is gone."""
    reference = weakref.WeakMethod(method)

    def call(*args: Any, **kwargs: Any) -> Any:
        method = reference()
        return None if method is None else method(*args, **kwargs)

    return call


class Reachable(VBox):
    """A box that closes itself when nobody can reach it any more; its callbacks are to be `weakly` bound."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.comm.on_msg(weakly(self._handle_msg))
        registry._instances[self.model_id] = weakref.proxy(self)

    def __del__(self) -> None:
        if not sys.is_finalizing():  # then there is nobody left to tell
            self.close()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Displayed by IPython: the output of a cell holds it from now on."""
        if get_ipython() is not None and self.comm is not None:
            registry._instances[self.model_id] = self
        return super()._repr_mimebundle_(**kwargs)
