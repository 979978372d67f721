"""Checkpoints on the Hugging Face Hub: ``hf://owner/repository/file[@revision]``, kept in its cache."""

import hashlib
import re
from pathlib import Path

from bsroformer.errors import InputError
from bsroformer.run_folder import weights_of

SCHEME = "hf://"
_REFERENCE = re.compile(r"hf://(?P<repo>[^/@]+/[^/@]+)/(?P<file>[^@]+?)(?:@(?P<revision>.+))?")
BLOCK = 2**20


def is_on_hub(reference: object) -> bool:
    """Whether this is the address of a file on the Hub."""
    return str(reference).startswith(SCHEME)


def located(reference: str | Path) -> Path:
    """The local path of a file, fetched if it is on the Hub.

    Args:
        reference: A path, of a file or of a run's folder, or ``hf://owner/repository/file[@revision]``.

    Raises:
        InputError: If it cannot be had.
    """
    if reference is None:
        raise InputError("no checkpoint is named: give the path of one, or hf://owner/repository/file")
    if not isinstance(reference, str | Path):
        raise InputError(f"{reference!r:.60} is no path of a file: give one, in quotes if its name is a number")
    return fetched(str(reference)) if is_on_hub(reference) else weights_of(Path(reference))


def fetched(reference: str) -> Path:
    """The path of a file of the Hub in the local cache; with ``HF_HUB_OFFLINE=1`` it must be there already.

    Raises:
        InputError: If the reference is malformed, or the file is not there or cannot be reached.
    """
    from huggingface_hub import constants

    path = fetched_if_there(reference)
    if path is None and constants.HF_HUB_OFFLINE:
        raise InputError(f"{reference} is not in the local cache, and HF_HUB_OFFLINE=1 keeps it from being fetched")
    if path is None:
        raise InputError(f"{reference} is not on the Hub: its repository has no such file")
    return path


def fetched_if_there(reference: str) -> Path | None:
    """The path of a file of the Hub, None if the Hub has none or, with ``HF_HUB_OFFLINE=1``, the cache.

    Raises:
        InputError: If the reference is malformed, or that cannot be found out.
    """
    parts = _REFERENCE.fullmatch(reference)
    if not parts:
        raise InputError(f"{reference} is no address on the Hub: write hf://owner/repository/file[@revision]")
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    try:
        return Path(huggingface_hub.hf_hub_download(parts["repo"], parts["file"], revision=parts["revision"]))
    except LocalEntryNotFoundError as error:
        if huggingface_hub.constants.HF_HUB_OFFLINE:
            return None
        raise InputError(
            f"{reference} is not in the local cache, and the Hub cannot be reached: connect once, or give a local file"
        ) from error
    except EntryNotFoundError:
        return None
    except Exception as error:  # of the library, and of the one below it that speaks HTTP, which it has changed before
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{reference} cannot be fetched: {reason:.300}") from error


def sibling(reference: str, name: str) -> str:
    """The address of another file in the same folder and revision."""
    file, at, revision = reference.partition("@")
    return f"{file.rpartition('/')[0]}/{name}{at}{revision}"


def check_hash(path: Path, sha256: str) -> None:
    """Make sure that a file is the one that is meant.

    Args:
        path: The file.
        sha256: What its SHA-256 must be, 64 hexadecimal digits.

    Raises:
        InputError: If it is another, or cannot be read.
    """
    if not isinstance(sha256, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise InputError(f"sha256={sha256} is no SHA-256, which has 64 hexadecimal digits")
    try:
        found = sha256_of(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if found != sha256.lower():
        raise InputError(
            f"{path} is another file than sha256= says: its SHA-256 is {found}; "
            "it was changed, or cut short on its way: delete it and fetch it again"
        )


def sha256_of(path: Path) -> str:
    """A file's SHA-256, 64 hexadecimal digits."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            found.update(block)
    return found.hexdigest()
