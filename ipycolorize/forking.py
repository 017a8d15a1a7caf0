"""Processes forked from one in which torch has computed: they compute on one thread, and wait for none.

The threads of torch, and of scikit-learn, do not come along, but OpenMP's book-keeping says that they are
there, so the first large operation waits for them forever. On one thread it asks for none. Importing this
module is enough.
"""

from __future__ import annotations

import os
import sys

import torch


def _compute_alone() -> None:
    torch.set_num_threads(1)
    pools = sys.modules.get("threadpoolctl")  # there if scikit-learn is, whose OpenMP is another one
    if pools is not None:
        pools.threadpool_limits(1, user_api="openmp")


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing is forked
    os.register_at_fork(after_in_child=_compute_alone)
