"""Separation models: the common interface, and a folder for each architecture."""

from bsroformer.models.registry import (
    Architecture,
    architecture_of,
    build_model,
    register_architecture,
    settings_from_dict,
)
from bsroformer.models.separation_model import SeparationModel
from bsroformer.models.settings import ModelSettings

__all__ = [
    "Architecture",
    "ModelSettings",
    "SeparationModel",
    "architecture_of",
    "build_model",
    "register_architecture",
    "settings_from_dict",
]
