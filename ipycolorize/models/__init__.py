"""Networks: the paper's (`siggraph17`) and the project's own (`live`), and the weights that ship."""

from .weights import list_models, load_model

__all__ = ["list_models", "load_model"]
