"""Instantiate the components of a configuration."""

import re
from hashlib import blake2b
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import OmegaConf

from bsroformer.cli.dotted_keys import put
from bsroformer.cli.schemas.groups import DataSettings, PathSettings
from bsroformer.data.sources import Source
from bsroformer.errors import InputError


def make(tree: dict[str, Any], key: str = "", **more: Any) -> Any:
    """Call the ``_target_`` of a plain tree.

    This is the only place that instantiates.

    Args:
        tree: ``_target_`` and arguments.
        key: Its key in the configuration, for messages.
        more: Further arguments, or replacements.
    """
    key = key or "tree"
    whole: dict[str, Any] = {}
    put(whole, key, _literal(tree))
    node = OmegaConf.select(OmegaConf.create(whole), key)
    return instantiate(node, _convert_="all", **more)


def _literal(value: Any) -> Any:
    """Escape ``${`` in a plain tree, so that OmegaConf reads it literally."""
    if isinstance(value, dict):
        return {name: _literal(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_literal(each) for each in value]
    if isinstance(value, str):
        return re.sub(r"(\\*)\$\{", lambda match: 2 * match[1] + r"\${", value)
    return value


def pack_folder(data: DataSettings, paths: PathSettings, source: Source) -> Path | None:
    """Return the folder of a data set's packs: ``data.pack``, or one in the cache.

    The cache has a folder for each data set, rate and number of channels.

    Returns:
        The folder, which need not exist; None if packs are not used, or neither `data.pack` nor a data set exists.

    Raises:
        InputError: If ``data.pack`` is a file.
    """
    if data.pack is False:
        return None
    if data.pack is not None:
        if data.pack.is_file():
            raise InputError(f"data.pack={data.pack} is a file; give a folder, which need not exist")
        return data.pack
    if source.location is None or not source.location.exists():
        return None
    place = source.location.resolve()
    form = source.form
    made_of = f"{place}|{form.sample_rate}|{form.channels}".encode("utf-8", "surrogateescape")
    return paths.cache_dir / "packs" / f"{place.name}-{blake2b(made_of, digest_size=4).hexdigest()}"
