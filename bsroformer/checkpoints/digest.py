"""The digest of a model's weights, whatever file holds them."""

import hashlib

import torch

from bsroformer.models.separation_model import SeparationModel


def weights_digest(model: SeparationModel) -> str:
    """Compute the SHA-256 of a model's weights.

    It covers names, shapes and float32 values in the order of names, so that it is the same for a training checkpoint,
    the weights alone and a converted file.
    """
    found = hashlib.sha256()
    for name, weight in sorted(model.state_dict().items()):
        values = weight.detach().to("cpu", torch.float32).contiguous()
        found.update(f"{name} {tuple(values.shape)}\n".encode())
        found.update(values.numpy().data)
    return found.hexdigest()
