"""The paper's authors' PyTorch weights as a `SIGGRAPH17`: one strict key map, and what each file expects."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from .checks import check_archive, check_values
from .siggraph17 import SIGGRAPH17

# All published files have the same layout, and nothing in it tells whether the hint mask was centred (0.5
# subtracted) in training. So it goes by the names under which the authors' own scripts store them. Sources:
# colorization's colorizers/siggraph17.py feeds the mask as it is; colorization-pytorch's README asks for
# "--mask_cent 0" with the weights converted from Caffe, and its options centre by 0.5 whatever is trained
# there; interactive-deep-colorization's --pytorch_maskcent is "for siggraph_pretrained but not for converted
# caffemodel".
MASK_OFFSET = {
    "siggraph17-df00044c.pth": 0.0,
    "caffemodel.pth": 0.0,
    "siggraph_caffemodel/latest_net_G.pth": 0.0,
    "pytorch.pth": 0.5,
    "pytorch_trained.pth": 0.5,
    "siggraph_retrained/latest_net_G.pth": 0.5,
    "siggraph_pretrained/latest_net_G.pth": 0.5,
    "siggraph_reg/latest_net_G.pth": 0.5,
    "siggraph_reg2/latest_net_G.pth": 0.5,
}

# Modules that the published network names otherwise; its model1-10 are our conv1-10.
_MODULES = {
    "up8": "model8up",
    "short8": "model3short8",
    "up9": "model9up",
    "short9": "model2short9",
    "up10": "model10up",
    "short10": "model1short10",
    "head": "model_class",
    "out": "model_out",
}


def read_published(path: Path) -> SIGGRAPH17:
    """A published file as a network, its mask centred or not as that file expects.

    Raises:
        ValueError: not known by its name, damaged, not a published state dict, or more than tensors.
    """
    mask_offset = MASK_OFFSET[_known_name(path)]
    check_archive(path, _blueprint())
    try:
        state_dict = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen kinds for files it cannot read
        if isinstance(error, pickle.UnpicklingError) and "global" in str(error).lower():
            problem = "expected tensors only, got pickled Python objects, which could run any code: refused"
        else:
            problem = "expected a PyTorch state dict, got a file that torch cannot read: it is damaged"
        raise ValueError(problem) from error
    if not isinstance(state_dict, Mapping):
        raise ValueError(f"expected a state dict, got a {type(state_dict).__name__}")
    network = SIGGRAPH17(head="linear529", mask_offset=mask_offset)
    network.load_state_dict(published_to_ours(state_dict))
    check_values(network)
    return network


def _blueprint() -> dict[str, Tensor]:
    """Names and shapes of our network, without memory."""
    with torch.device("meta"):
        return SIGGRAPH17(head="linear529").state_dict()


def published_to_ours(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename a published state dict for ``SIGGRAPH17(width=64, head="linear529")``.

    A leading ``module.`` (of data-parallel training) is dropped. The only key that may be missing is a batch
    norm's ``num_batches_tracked``: torch before 0.4.1 did not write it, and evaluation does not read it.

    Raises:
        ValueError: any other key is missing or unexpected, or has another shape; the first of them are named.
    """
    wrapped = bool(state_dict) and all(key.startswith("module.") for key in state_dict)
    given = {key.removeprefix("module.") if wrapped else key: value for key, value in state_dict.items()}
    ours = _blueprint()
    theirs = {published_name(name): name for name in ours}
    for key in theirs:
        if key.endswith("num_batches_tracked"):
            given.setdefault(key, torch.tensor(0))
    mismatch = describe_mismatch({key: ours[name] for key, name in theirs.items()}, given)
    if mismatch:
        raise ValueError(f"expected the published siggraph17 state dict, got one with {mismatch}")
    return {name: given[key] for key, name in theirs.items()}


def published_name(name: str) -> str:
    """``conv3.0.weight`` -> ``model3.0.weight``; ``up8.weight`` -> ``model8up.0.weight``."""
    module, _, rest = name.partition(".")
    if module in _MODULES:
        return f"{_MODULES[module]}.0.{rest}"
    number = int(module.removeprefix("conv"))
    index, _, rest = rest.partition(".")
    leading_relu = number >= 8  # the ReLU of a sum is layer 0 of the published block; ours stands in `decode`
    return f"model{number}.{int(index) + leading_relu}.{rest}"


def describe_mismatch(expected: Mapping[str, Tensor], got: Mapping[str, Tensor]) -> str:
    """How the names and shapes of two state dicts differ, in words; empty when they do not."""
    shapes = {key: tuple(getattr(value, "shape", ("no tensor",))) for key, value in got.items()}
    problems = {
        "missing": [key for key in expected if key not in got],
        "unexpected": [str(key) for key in got if key not in expected],
        "misshapen": [
            f"{key}: {shapes[key]} instead of {tuple(value.shape)}"
            for key, value in expected.items()
            if key in got and shapes[key] != tuple(value.shape)
        ],
    }
    return "; ".join(
        f"{len(keys)} {kind} ({', '.join(keys[:3])}{', ...' if len(keys) > 3 else ''})"
        for kind, keys in problems.items()
        if keys
    )


def sha256_of(path: Path) -> str:
    """64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _known_name(path: Path) -> str:
    """The key of `MASK_OFFSET`: the file's name, with its folder's where the name alone is ambiguous."""
    full = path.resolve()
    for name in (full.name, f"{full.parent.name}/{full.name}"):
        if name in MASK_OFFSET:
            _, _, digits = full.stem.partition("-")  # the habit of torch.hub: a file is named by its hash
            if not sha256_of(full).startswith(digits):
                raise ValueError(f"expected a sha256 that begins with {digits}, got another: it is damaged")
            return name
    raise ValueError(
        "expected a published file under a name that tells whether its hint mask was centred, one of "
        f"{', '.join(MASK_OFFSET)}; got {full.parent.name}/{full.name}: give it its own name and folder again"
    )
