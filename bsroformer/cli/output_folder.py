"""The folder of a run, made once the configuration is checked."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, read_write

from bsroformer.atomic import writing
from bsroformer.cli.errors import user_errors
from bsroformer.run_folder import TRAIN_LOG, RunFolder

LOG_FORMAT = "[%(asctime)s][%(name)s][%(levelname)s] - %(message)s"


@contextmanager
def open_run_folder(folder: Path) -> Iterator[None]:
    """Make the folder of a training, and log into its ``train.log`` in this context.

    Processes that Lightning starts for other devices get the folder as Hydra's.

    Raises:
        InputError: If the folder or the log cannot be written.
    """
    make_folder(folder)
    log = RunFolder(folder).log
    with writing(log):
        handler = logging.FileHandler(log, encoding="utf-8")
    handler.setFormatter(logging.Formatter(LOG_FORMAT))
    for logger in (logging.root, TRAIN_LOG):
        logger.addHandler(handler)
    _pass_on(folder)
    try:
        yield
    finally:
        for logger in (logging.root, TRAIN_LOG):
            logger.removeHandler(handler)
        handler.close()


def make_folder(folder: Path) -> None:
    """Make a folder and its parents, unless it exists.

    Raises:
        InputError: If that is not possible.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)


def _pass_on(folder: Path) -> None:
    """Set ``hydra.run.dir``, which Lightning passes to the processes it starts."""
    config = cast(DictConfig | None, HydraConfig.instance().cfg)
    if config is not None:
        with read_write(config.hydra):
            config.hydra.run.dir = str(folder)


class SweepFolder(Callback):
    """Make the folder of a sweep before its first job.

    Where that fails, Hydra alone would show a traceback.
    """

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Make the folder, or exit with status 2."""
        user_errors(make_folder)(Path(config.hydra.sweep.dir))
