"""A model of this project as the public code reads it: its key layout and its YAML."""

from typing import Any

import yaml
from torch import Tensor

from bsroformer.checkpoints.community.keys import public_weights
from bsroformer.checkpoints.community.options import MelOptions, options_of
from bsroformer.checkpoints.community.yaml_file import PlainDumper
from bsroformer.model import BandSplitRoformer, ModelSettings


def to_public(model: BandSplitRoformer) -> tuple[dict[str, Tensor], str]:
    """State dict and YAML text with which the public code builds the same model.

    Raises:
        InputError: If the public code has no such model.
    """
    tree = public_tree(model.settings)
    text = yaml.dump(tree, Dumper=PlainDumper, sort_keys=False, default_flow_style=None, width=120)
    return public_weights(model.state_dict(), model.settings), text


def public_tree(settings: ModelSettings) -> dict[str, Any]:
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
