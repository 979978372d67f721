"""What the ``musdb`` package knows of MUSDB18, read from its files: importing it needs FFmpeg on the PATH."""

from importlib.util import find_spec
from pathlib import Path

import yaml

from bsroformer.errors import InputError


def validation_songs() -> tuple[str, ...]:
    """The 14 training songs of MUSDB18 that are the official validation set, by name.

    Raises:
        InputError: The ``musdb`` package is not installed.
    """
    spec = find_spec("musdb")
    if spec is None or spec.origin is None:
        raise InputError(
            "The names of MUSDB18's validation songs come with the package musdb, which is not installed: "
            "run `pip install musdb`, or list the songs under data.valid_songs."
        )
    settings = yaml.safe_load(Path(spec.origin).with_name("configs").joinpath("mus.yaml").read_text("utf-8"))
    return tuple(settings["validation_tracks"])
