"""Checkpoints on the Hugging Face Hub: ``hf://owner/repository/file[@revision]``, kept in its cache."""

import hashlib
import re
from pathlib import Path

from bsroformer.errors import InputError

SCHEME = "hf://"
_REFERENCE = re.compile(r"hf://(?P<repo>[^/@]+/[^/@]+)/(?P<file>[^@]+?)(?:@(?P<revision>.+))?")
BLOCK = 2**20


def located(reference: str | Path, sha256: str | None = None) -> Path:
    """The local path of a file, fetched if it is on the Hub, checked if its hash is given.

    Args:
        reference: A path, or ``hf://owner/repository/file[@revision]``.
        sha256: What its SHA-256 must be, 64 hexadecimal digits.

    Raises:
        InputError: If it cannot be had, or is another file than the hash says.
    """
    path = fetched(str(reference)) if str(reference).startswith(SCHEME) else Path(reference)
    if sha256 is not None:
        _check_hash(path, sha256, reference)
    return path


def fetched(reference: str) -> Path:
    """The path of a file of the Hub in the local cache; with ``HF_HUB_OFFLINE=1`` it must be there already.

    Raises:
        InputError: If the reference is malformed, or the file is not there or cannot be reached.
    """
    parts = _REFERENCE.fullmatch(reference)
    if not parts:
        raise InputError(
            f"{reference} is no address on the Hub: write hf://owner/repository/file, maybe with @revision"
        )
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(parts["repo"], parts["file"], revision=parts["revision"]))
    except LocalEntryNotFoundError as error:
        raise InputError(
            f"{reference} is not in the local cache, and the Hub cannot be reached: "
            "connect once, or unset HF_HUB_OFFLINE, or give the path of a local file"
        ) from error
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{reference} cannot be fetched: {reason:.300}") from error


def fetched_if_there(reference: str) -> Path | None:
    """The path of a file of the Hub, None if it is not there."""
    try:
        return fetched(reference)
    except InputError:
        return None


def sibling(reference: str, name: str) -> str:
    """The address of another file in the same folder and revision."""
    file, at, revision = reference.partition("@")
    return f"{file.rpartition('/')[0]}/{name}{at}{revision}"


def _check_hash(path: Path, sha256: str, reference: str | Path) -> None:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise InputError(f"sha256={sha256} is no SHA-256: it has 64 hexadecimal digits")
    if not path.is_file():
        return  # told when it is opened
    if (found := sha256_of(path)) != sha256.lower():
        raise InputError(
            f"{reference} is another file than sha256= says: its SHA-256 is {found}; "
            "it was changed, or cut short on its way: delete it and fetch it again"
        )


def sha256_of(path: Path) -> str:
    """A file's SHA-256, 64 hexadecimal digits."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            found.update(block)
    return found.hexdigest()
