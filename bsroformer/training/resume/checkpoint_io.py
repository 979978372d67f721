"""Checkpoints on disk: whole or not there, read back before they count, and the one before is kept."""

import os
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from bsroformer.atomic import replacing, writing
from bsroformer.checkpoints.native import read_training_checkpoint
from bsroformer.checkpoints.weight_file import PLAIN_NUMBERS, open_weights
from bsroformer.errors import InputError
from bsroformer.run_folder import LAST, PREVIOUS


class CarefulCheckpointIO(TorchCheckpointIO):
    """Write a checkpoint beside the old one and verify it before it replaces that.

    A replaced `LAST` becomes `PREVIOUS`. If a checkpoint cannot be written, as on a full disk, a warning says so, the
    existing files stay, and training continues.

    Attributes:
        failed: What prevented each checkpoint that could not be written, by its name; writing it later clears it.
    """

    def __init__(self) -> None:
        self.failed: dict[str, str] = {}

    def load_checkpoint(
        self, path: str | Path, map_location: Any = "cpu", weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read tensors and plain values; a file that asks for more is refused, whatever Lightning's default is."""
        open_weights(Path(path))
        with torch.serialization.safe_globals(PLAIN_NUMBERS):
            return super().load_checkpoint(path, map_location, weights_only=True)

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write a checkpoint, and keep the one before if it is the one to resume from."""
        path = Path(path)
        try:
            with replacing(path) as partial:
                with writing(path, RuntimeError):  # what PyTorch raises when a disk is full
                    torch.save(checkpoint, partial)
                    bring_to_disk(partial)
                check_archive(partial)
                if path.name == LAST and is_whole(path):
                    path.replace(path.with_name(PREVIOUS))
            bring_to_disk(path.parent)
        except InputError as error:
            self.failed[path.name] = str(error)
            warnings.warn(f"{error} Training goes on, and the checkpoint before is kept.", stacklevel=1)
        else:
            self.failed.pop(path.name, None)


def bring_to_disk(path: Path) -> None:
    """Wait until the disk has a file, or the names in a folder: a name must not outlive a power cut its file does not.

    Windows has no such thing for folders.
    """
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check_archive(path: Path) -> None:
    """Compare every byte of a checkpoint with its checksums, which reading its tensors does not do.

    Raises:
        InputError: If it is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (OSError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(f"{path} is damaged: {error}") from error
    if damaged:
        raise InputError(f"{path} is damaged: {damaged} does not have its checksum")


def is_whole(path: Path) -> bool:
    """Whether there is a checkpoint, undamaged."""
    try:
        check_archive(path)
    except InputError:
        return False
    return True


def last_good_checkpoint(folder: Path) -> tuple[Path | None, list[str]]:
    """The newest checkpoint of a run that is whole.

    Args:
        folder: Of its checkpoints.

    Returns:
        Its path, or None if there is none, and a sentence on each that was passed over.
    """
    passed_over = []
    for name in (LAST, PREVIOUS):
        path = folder / name
        if not path.exists():
            continue
        try:
            check_archive(path)
            read_training_checkpoint(path)
        except InputError as error:
            passed_over.append(str(error))
        else:
            return path, passed_over
    return None, passed_over
