"""The training setup of a running benchmark, with changes on top of the user's command line."""

from collections.abc import Sequence
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from bsroformer.cli.commands.benchmark.config import BenchmarkConfig
from bsroformer.cli.composition import Composer
from bsroformer.cli.errors import is_user_error, one_sentence
from bsroformer.cli.key_check import check
from bsroformer.cli.registry import COMMANDS
from bsroformer.cli.validation import configuration, prepared
from bsroformer.errors import InputError

FOLDER_OPTIONS = {"main": "--config-path", "command-line": "--config-dir"}
"""Hydra's options of the folders of configs, by the name that Hydra gives to the folder's origin."""


def recomposed_setup(words: Sequence[str]) -> tuple[dict[str, Any], Any]:
    """Compose the configuration of this job again, with more words after the user's own, and build its `setup`.

    Args:
        words: Keys and choices in Hydra's grammar, such as ``optimizer=adamw``.

    Returns:
        The plain tree of the setup, and the setup.

    Raises:
        InputError: For a wrong word, key, choice or value.
    """
    try:
        setup = recomposed(words).setup
        if setup is None:
            raise InputError("this benchmark trains nothing that can be changed; choose what=ablation")
        return setup.tree, setup.build()
    except Exception as error:
        if not is_user_error(error):
            raise
        raise InputError(one_sentence(error)) from error


def recomposed(words: Sequence[str]) -> BenchmarkConfig:
    """Compose and check the configuration of this job, with more words after the user's own.

    Raises:
        InputError: For a wrong word, key, choice or value.
    """
    job = HydraConfig.get()
    folders = {source.provider: source.path for source in job.runtime.config_sources}
    given = [f"{option}={folders[origin]}" for origin, option in FOLDER_OPTIONS.items() if origin in folders]
    composer = Composer(str(job.job.config_name), given)
    overrides = [*job.overrides.task, *words]
    check(COMMANDS["benchmark"], composer, overrides, sweep=False)
    tree = composer.compose(overrides)
    own_keys = [str(key) for key in tree if key != "hydra"]
    config = configuration("benchmark", OmegaConf.masked_copy(tree, own_keys))
    assert isinstance(config, BenchmarkConfig)
    return prepared(config)
