"""From the configuration to songs; training's other objects are in `build`, which needs Lightning."""

from functools import partial
from hashlib import blake2b
from pathlib import Path

from hydra.utils import instantiate
from omegaconf import DictConfig

from bsroformer.data.sources import Source
from bsroformer.launch.config import path_of

make = partial(instantiate, _convert_="all")
"""The only place that instantiates."""


def build_source(cfg: DictConfig) -> Source:
    """Where the songs come from."""
    return make(cfg.data.source)


def pack_folder(cfg: DictConfig, source: Source) -> Path | None:
    """Where the packs of a data set are: at ``data.pack``, else in the cache; None where they are not to be used.

    Raises:
        InputError: If ``data.pack`` is no path.
    """
    if cfg.data.pack is False or (cfg.data.pack is None and source.place is None):
        return None
    if cfg.data.pack is not None:
        return path_of(cfg.data.pack, "data.pack")
    assert source.place is not None
    place = source.place.resolve()
    digest = blake2b(bytes(place), digest_size=4).hexdigest()
    return Path(cfg.paths.cache_dir).expanduser() / "packs" / f"{place.name}-{digest}"
