"""Configurations composed faster: what is parsed and composed repeatedly is cached."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import IO, Any

import pytest
import yaml
from hydra._internal.core_plugins import file_config_source
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, ListConfig, OmegaConf, base
from omegaconf._utils import get_yaml_loader
from omegaconf.grammar_parser import parse

from bsroformer.cli.composition import Composer
from bsroformer.installation import CONFIGS


@contextmanager
def parsed_once() -> Iterator[None]:
    """Cache the parsers of Hydra and OmegaConf by their text, and the trees that the command line is checked against.

    Parsing is 40% of a composition, which takes a third of a small run, and a script composes up to four times.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_config_source, "OmegaConf", CachedFiles)
        patch.setattr(base, "parse", cache(parse))
        patch.setattr(Composer, "_compose", composed_once(Composer._compose))
        yield


class CachedFiles:
    """The part of OmegaConf that Hydra reads a config file with."""

    @staticmethod
    def load(file: IO[str]) -> DictConfig | ListConfig:
        """Build a new tree from the content of a file."""
        return OmegaConf.create(parse_yaml(file.read()))


@cache
def parse_yaml(text: str) -> Any:
    """Parse YAML as OmegaConf does; an empty file is an empty mapping."""
    return yaml.load(text, Loader=get_yaml_loader()) or {}


def composed_once(
    compose: Callable[[Composer, Sequence[str]], DictConfig],
) -> Callable[[Composer, Sequence[str]], DictConfig]:
    """Cache the trees of the project's own configs, which a composer's callers only read."""
    trees: dict[tuple[str, ...], DictConfig] = {}

    def cached(composer: Composer, overrides: Sequence[str]) -> DictConfig:
        if composer.folders != [CONFIGS.resolve()]:
            return compose(composer, overrides)
        key = (composer.name, *overrides)
        if key not in trees:
            trees[key] = compose(composer, overrides)
            OmegaConf.set_readonly(trees[key], True)
        GlobalHydra.instance().clear()
        return trees[key]

    return cached
