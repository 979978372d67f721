"""A model of this project as the public code reads it: its key layout and its YAML."""

from typing import Any

import yaml
from torch import Tensor

from bsroformer.models.bs_roformer.public.keys import public_weights
from bsroformer.models.bs_roformer.public.options import MelOptions, options_of
from bsroformer.models.bs_roformer.settings import RoformerSettings
from bsroformer.models.public_yaml import PlainDumper
from bsroformer.models.separation_model import SeparationModel


def to_public(model: SeparationModel) -> tuple[dict[str, Tensor], str]:
    """Return state dict and YAML text with which the public code builds the same model.

    Raises:
        InputError: If the public code has no such model.
    """
    settings = model.settings
    assert isinstance(settings, RoformerSettings)
    tree = public_tree(settings)
    text = yaml.dump(tree, Dumper=PlainDumper, sort_keys=False, default_flow_style=None, width=120)
    return public_weights(model.state_dict(), settings), text


def public_tree(settings: RoformerSettings) -> dict[str, Any]:
    """The values of the YAML: what the public trainer's own files have, as far as separation needs it."""
    options, stems = options_of(settings), list(settings.stems)
    # Only the Mel model has to be told that stems are as long as the mixture, as they are here.
    same_length = {"match_input_audio_length": True} if isinstance(options, MelOptions) else {}
    return {
        "audio": {
            "chunk_size": round(settings.chunk_seconds * settings.sample_rate),
            "num_channels": settings.channels,
            "sample_rate": settings.sample_rate,
            "n_fft": settings.stft.n_fft,
            "hop_length": settings.stft.hop_length,
            "min_mean_abs": 0.0,
        },
        "model": options.model_dump() | same_length,
        "training": {
            "instruments": stems,
            "target_instrument": stems[0] if len(stems) == 1 else None,
            "batch_size": 1,
            "use_amp": True,
        },
        "inference": {"batch_size": 1, "num_overlap": 2},
    }
