"""Pictures, sounds and tables for loggers, and write errors that only warn."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lightning.pytorch.loggers import Logger, TensorBoardLogger, WandbLogger

from bsroformer.audio.files import read
from bsroformer.errors import InputError
from bsroformer.report.markdown import markdown


@contextmanager
def warn_on_write_error() -> Iterator[None]:
    """Warn about a file that cannot be written instead of ending the training."""
    try:
        yield
    except (InputError, OSError) as error:
        warnings.warn(f"Training continues: {error}", stacklevel=3)


def log_picture(loggers: Sequence[Logger], name: str, path: Path, step: int) -> None:
    """Log a picture."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.log_image(name, [str(path)], step=step)
        elif isinstance(logger, TensorBoardLogger):
            from matplotlib.image import imread

            logger.experiment.add_image(name, imread(path), step, dataformats="HWC")


def log_sound(loggers: Sequence[Logger], name: str, path: Path, step: int) -> None:
    """Log a sound; TensorBoard's player has one channel and samples from -1 to 1."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.log_audio(name, [str(path)], step=step)
        elif isinstance(logger, TensorBoardLogger):
            audio, rate = read(path)  # (c t)
            mono = audio.mean(0).clamp(-1, 1)
            logger.experiment.add_audio(name, mono, step, rate)


def log_table(
    loggers: Sequence[Logger], name: str, columns: Sequence[str], lines: Sequence[Sequence[str | float]], step: int
) -> None:
    """Log a table; as text for TensorBoard."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            rows = [list(line) for line in lines]
            logger.log_table(name, list(columns), rows, step=step)
        elif isinstance(logger, TensorBoardLogger):
            logger.experiment.add_text(name, markdown(columns, lines), step)
