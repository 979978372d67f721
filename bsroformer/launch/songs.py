"""From the configuration to songs; training's other objects are in `build`, which needs Lightning."""

from functools import partial
from hashlib import blake2b
from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig

from bsroformer.data.sources import Source
from bsroformer.errors import InputError
from bsroformer.launch.config import path_of

make = partial(instantiate, _convert_="all")
"""The only place that instantiates."""


def build_source(cfg: DictConfig) -> Source:
    """Where the songs come from."""
    return make(cfg.data.source)


def pack_folder(cfg: DictConfig, source: Source) -> Path | None:
    """Where the packs of a data set are: at ``data.pack``, else in the cache, in a folder for each rate and channels.

    Returns:
        The folder, there or not; None where packs are not to be used, or there is neither a name for it nor a data set.

    Raises:
        InputError: If ``data.pack`` is no path to a folder.
    """
    if cfg.data.pack is False:
        return None
    if cfg.data.pack is not None:
        folder = path_of(cfg.data.pack, "data.pack")
        if folder.is_file():
            raise InputError(f"data.pack={folder} is a file: name a folder, there or not")
        return folder
    if source.location is None or not source.location.exists():
        return None
    place, form = source.location.resolve(), source.form
    made_of = f"{place}|{form.sample_rate}|{form.channels}".encode("utf-8", "surrogateescape")
    return (
        Path(cfg.paths.cache_dir).expanduser() / "packs" / f"{place.name}-{blake2b(made_of, digest_size=4).hexdigest()}"
    )
