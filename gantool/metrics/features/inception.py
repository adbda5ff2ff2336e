"""The features of the 2015 Inception network: the ones that FID, KID and the Inception score are defined on.

The network and its weights are torch-fidelity's conversion of the original (Apache-2.0). The weights are in no
package: they are downloaded once, 92 MB, or put where the message says. They are loaded as tensors and nothing else
before torch-fidelity, which would unpickle anything, sees them.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gantool.device import exactly
from gantool.errors import UsageError
from gantool.metrics.features.base import FeatureFacts
from gantool.metrics.features.inputs import FILTER, at_side

SIDE = 299
DIMENSIONS = 2048
FILE = "weights-inception-2015-12-05-6726825d.pth"
URL = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{FILE}"
_PREFIX = "6726825d"  # of the file's SHA-256: its publisher names no more

_BLOCK = 16


class Inception:
    """The network, ready on one device. Pictures are brought to 299 pixels by an antialiased filter, as clean-fid does.

    Args:
        folder: where the weights are kept; they are downloaded into it where they are missing.
        device: where it computes.

    Raises:
        UsageError: when the weights cannot be had; says which file goes where.
    """

    def __init__(self, folder: Path, device: torch.device | None = None) -> None:
        from torch_fidelity.feature_extractor_inceptionv3 import (  # noqa: PLC0415 - seconds of imports
            FeatureExtractorInceptionV3,
        )

        self.device = device or torch.device("cpu")
        content = require_weights(folder)
        self._network = FeatureExtractorInceptionV3(
            "inception", [str(DIMENSIONS)], feature_extractor_weights_path=io.BytesIO(content)
        ).to(self.device)
        self._head = self._network.fc.weight.detach().cpu()
        self.facts = FeatureFacts(
            "inception", DIMENSIONS, hashlib.sha256(content).hexdigest(), f"{SIDE}×{SIDE}", FILTER
        )

    def of(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The last pooled layer: uint8 N×H×W×C → float32 N×2048."""
        found = np.empty((len(pixels), DIMENSIONS), np.float32)
        batch = np.zeros((_BLOCK, SIDE, SIDE, 3), np.uint8)
        for start in range(0, len(pixels), _BLOCK):
            part = slice(start, min(start + _BLOCK, len(pixels)))
            held = part.stop - start
            batch[:held] = at_side(pixels[part], SIDE)
            with torch.inference_mode(), torch.autocast(self.device.type, enabled=False), exactly(self.device):
                (seen,) = self._network(torch.from_numpy(batch).permute(0, 3, 1, 2).contiguous().to(self.device))
            found[part] = seen[:held].cpu().numpy()
        return found

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the Inception score is computed from, without the bias as in the original: N×2048 → N×1008."""
        found: NDArray[np.float32] = (torch.from_numpy(features) @ self._head.T).numpy()
        return found


def require_weights(folder: Path) -> bytes:
    """The weights in ``folder`` as bytes, downloaded where they are missing, and found to be the right ones.

    Raises:
        UsageError: when it cannot be had, or is another file.
    """
    path = folder / FILE
    if not path.is_file():
        _download(path)
    return _checked(path)


def _checked(path: Path) -> bytes:
    again = f"remove the file, and it is fetched again from {URL}"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: these weights cannot be read ({error.strerror or error}); {again}") from error
    if not hashlib.sha256(content).hexdigest().startswith(_PREFIX):
        raise UsageError(f"{path}: these weights are not the published ones (another SHA-256); {again}")
    try:
        torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)  # noqa: TID251 - its SHA-256 is known
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UsageError(f"{path}: these weights cannot be read ({reason}); {again}") from error
    return content


def _download(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(URL, str(path), hash_prefix=_PREFIX, progress=False)
    except (OSError, RuntimeError) as error:  # no network, no disk, other content
        path.unlink(missing_ok=True)
        raise UsageError(
            f"features inception: the weights are not here and could not be fetched ({error}). Fetch {URL} on a "
            f"machine with a network and put it at {path}; or use --features efficientnet_lite0, which needs no network"
        ) from error
