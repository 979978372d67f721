"""A digest of a model's weights that is the same in every file format."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import numpy as np
import torch
from torch import Tensor

from bsroformer.models.separation_model import SeparationModel

THREADS = 4
"""Tensors that are hashed at the same time; SHA-256 takes 0.5 s for a GB."""


def weights_digest(model: SeparationModel) -> str:
    """Compute the SHA-256 of all weights, with their names and shapes, as float32.

    Conversion and removal of a trainer's state do not change it, nor does export to a public layout, unless stems share
    the hidden layers of their masks, which the public layout has for each stem.
    """
    weights = sorted(model.state_dict().items())
    with ThreadPoolExecutor(THREADS) as threads:
        digests = list(threads.map(_digest, [weight for _, weight in weights]))
    lines = [
        f"{name} {tuple(weight.shape)} {digest}\n" for (name, weight), digest in zip(weights, digests, strict=True)
    ]
    return sha256("".join(lines).encode()).hexdigest()


@torch.no_grad()
def _digest(weight: Tensor) -> str:
    values = weight.detach().to("cpu", torch.float32).contiguous()
    return sha256(values.numpy().reshape(-1).view(np.uint8).data).hexdigest()
