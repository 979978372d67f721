"""Where what is watched goes, besides the run's folder: Weights & Biases and TensorBoard."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger

from bsroformer.audio.files import read
from bsroformer.errors import InputError
from bsroformer.report.markdown import markdown


@contextmanager
def only_told() -> Iterator[None]:
    """Warn of a file that cannot be written, and go on: training outlives a picture."""
    try:
        yield
    except (InputError, OSError) as error:
        warnings.warn(f"Training goes on: {error}", stacklevel=3)


def log_picture(loggers: Sequence[Logger], name: str, path: Path, step: int) -> None:
    """Show a picture in the run's page."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.log_image(name, [str(path)], step=step)
        elif isinstance(logger, TensorBoardLogger):
            from matplotlib.image import imread

            logger.experiment.add_image(name, imread(path), step, dataformats="HWC")


def log_sound(loggers: Sequence[Logger], name: str, path: Path, step: int) -> None:
    """Give the run's page a player for a sound; TensorBoard's has one channel and no samples beyond -1 and 1."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.log_audio(name, [str(path)], step=step)
        elif isinstance(logger, TensorBoardLogger):
            audio, rate = read(path)  # (c t)
            logger.experiment.add_audio(name, audio.mean(0).clamp(-1, 1), step, rate)


def log_table(
    loggers: Sequence[Logger], name: str, columns: Sequence[str], lines: Sequence[Sequence[str | float]], step: int
) -> None:
    """Show a table in the run's page; to TensorBoard it is text."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.log_table(name, list(columns), [list(line) for line in lines], step=step)
        elif isinstance(logger, TensorBoardLogger):
            logger.experiment.add_text(name, markdown(columns, lines), step)
