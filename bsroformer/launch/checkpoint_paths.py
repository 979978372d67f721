"""``ckpt`` and ``init_from`` name checkpoints, or the folders of the trainings that wrote them."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from bsroformer.checkpoints.hub import is_on_hub
from bsroformer.launch.terminal import terminal
from bsroformer.run_folder import weights_of

KEYS = ("ckpt", "init_from")


def name_checkpoints(cfg: DictConfig) -> None:
    """Put the file of a run's best weights in place of its folder, and print which that is.

    Raises:
        InputError: If a folder holds none.
    """
    for key in KEYS:
        value = OmegaConf.select(cfg, key, throw_on_missing=False)
        if value is not None:
            OmegaConf.update(cfg, key, _named(value, key), merge=False)


def _named(value: Any, key: str) -> Any:
    if isinstance(value, ListConfig):
        return [_named(each, key) for each in value]
    if isinstance(value, DictConfig):
        return {name: _named(value[name], f"{key}.{name}") for name in map(str, value)}
    if not isinstance(value, str) or is_on_hub(value):
        return value
    path = Path(value).expanduser()
    found = weights_of(path)
    if found != path:
        terminal().print(f"{key}={value}: {found.relative_to(path) if found.is_relative_to(path) else found} is used.")
        return str(found)
    return value
