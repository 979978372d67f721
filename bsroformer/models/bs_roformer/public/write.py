"""Conversion of a model to the public layout and YAML."""

from typing import Any

import yaml
from torch import Tensor

from bsroformer.models.bs_roformer.public.keys import public_weights
from bsroformer.models.bs_roformer.public.options import MelOptions, options_of
from bsroformer.models.bs_roformer.settings import RoformerSettings
from bsroformer.models.public_yaml import PlainDumper
from bsroformer.models.separation_model import SeparationModel


def to_public(model: SeparationModel) -> tuple[dict[str, Tensor], str]:
    """Return the public state dict and the text of the YAML.

    Raises:
        InputError: If the public code has no such model.
    """
    settings = model.settings
    assert isinstance(settings, RoformerSettings)
    tree = public_tree(settings)
    text = yaml.dump(tree, Dumper=PlainDumper, sort_keys=False, default_flow_style=None, width=120)
    return public_weights(model.state_dict(), settings), text


def public_tree(settings: RoformerSettings) -> dict[str, Any]:
    """Return the values of the YAML that separation needs."""
    options = options_of(settings)
    stems = list(settings.stems)
    model = options.model_dump()
    if isinstance(options, MelOptions):  # only this model has stems of another length by default
        model["match_input_audio_length"] = True
    return {
        "audio": {
            "chunk_size": round(settings.chunk_seconds * settings.sample_rate),
            "num_channels": settings.channels,
            "sample_rate": settings.sample_rate,
            "n_fft": settings.stft.n_fft,
            "hop_length": settings.stft.hop_length,
            "min_mean_abs": 0.0,
        },
        "model": model,
        "training": {
            "instruments": stems,
            "target_instrument": stems[0] if len(stems) == 1 else None,
            "batch_size": 1,
            "use_amp": True,
        },
        "inference": {"batch_size": 1, "num_overlap": 2},
    }
