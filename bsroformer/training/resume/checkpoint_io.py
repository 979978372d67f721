"""Checkpoint files: atomic, verified, with the previous one kept."""

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
        failed: The error of each checkpoint that could not be written, by file name; writing it later removes it.
    """

    def __init__(self) -> None:
        self.failed: dict[str, str] = {}

    def load_checkpoint(
        self, path: str | Path, map_location: Any = "cpu", weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read tensors and plain values; a file with other objects is refused.

        Lightning's default for `weights_only` is overridden.
        """
        open_weights(Path(path))
        with torch.serialization.safe_globals(PLAIN_NUMBERS):
            return super().load_checkpoint(path, map_location, weights_only=True)

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write a checkpoint; keep the replaced one if it is the one to resume from."""
        path = Path(path)
        try:
            _write(checkpoint, path)
        except InputError as error:
            self.failed[path.name] = str(error)
            warnings.warn(f"{error} Training continues, and the previous checkpoint is kept.", stacklevel=1)
        else:
            self.failed.pop(path.name, None)


def _write(checkpoint: dict[str, Any], path: Path) -> None:
    with replacing(path) as partial:
        with writing(path, RuntimeError):  # what PyTorch raises when a disk is full
            torch.save(checkpoint, partial)
            sync_to_disk(partial)
        check_archive(partial)
        if path.name == LAST and is_whole(path):
            path.replace(path.with_name(PREVIOUS))
    sync_to_disk(path.parent)


def sync_to_disk(path: Path) -> None:
    """Wait until a file, or a folder's list of files, is on the disk.

    A power cut then leaves no torn file.

    Windows cannot do this for folders.
    """
    is_folder = path.is_dir()
    if is_folder and os.name == "nt":
        return
    mode = os.O_RDONLY if is_folder else os.O_RDWR
    handle = os.open(path, mode)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check_archive(path: Path) -> None:
    """Compare every byte of a checkpoint with its checksums.

    Reading its tensors does not do that.

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
    """Return whether an undamaged checkpoint exists."""
    try:
        check_archive(path)
    except InputError:
        return False
    return True


def last_good_checkpoint(folder: Path) -> tuple[Path | None, list[str]]:
    """Find the newest undamaged checkpoint of a run.

    Args:
        folder: The folder of its checkpoints.

    Returns:
        Its path, or None without one, and an error message for each damaged file that was skipped.
    """
    skipped = []
    for name in (LAST, PREVIOUS):
        path = folder / name
        if not path.exists():
            continue
        try:
            check_archive(path)
            read_training_checkpoint(path)
        except InputError as error:
            skipped.append(str(error))
        else:
            return path, skipped
    return None, skipped
