"""The pad's halves in the browser: which extensions of JupyterLab they are, and what brings them.

Both who looks for them before there is a pad (`doctor`) and a pad that cannot show ask here.
"""

from __future__ import annotations

from importlib import metadata

# package of the kernel -> its extension of JupyterLab, and the package that brings that
EXTENSIONS = {
    "ipywidgets": ("@jupyter-widgets/jupyterlab-manager", "jupyterlab_widgets"),
    "ipycanvas": ("ipycanvas", "ipycanvas"),
    "ipyevents": ("ipyevents", "ipyevents"),
}


def installed(package: str) -> str | None:
    """The version of a package in this environment; None where it is not, or came in another way."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
