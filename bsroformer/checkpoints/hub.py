"""Checkpoints on the Hugging Face Hub: ``hf://owner/repository/file[@revision]``."""

import hashlib
import re
from pathlib import Path

from bsroformer.errors import InputError
from bsroformer.run_folder import weights_of

SCHEME = "hf://"
_REFERENCE = re.compile(r"hf://(?P<repo>[^/@]+/[^/@]+)/(?P<file>[^@]+?)(?:@(?P<revision>.+))?")
BLOCK = 2**20


def is_on_hub(reference: object) -> bool:
    """Check whether a reference is the address of a file on the Hub."""
    return str(reference).startswith(SCHEME)


def resolve_path(reference: str | Path) -> Path:
    """Return the local path of a file; download it first if it is on the Hub.

    Args:
        reference: A path, of a file or of a run's folder, or ``hf://owner/repository/file[@revision]``.

    Raises:
        InputError: If the file cannot be downloaded, or the reference is not a path.
    """
    if reference is None:
        raise InputError("no checkpoint is given; set its path, or hf://owner/repository/file")
    if not isinstance(reference, str | Path):
        raise InputError(f"{reference!r:.60} must be the path of a file; put it in quotes if its name is a number")
    if is_on_hub(reference):
        return download(str(reference))
    return weights_of(Path(reference))


def download(reference: str) -> Path:
    """Return the local path of a file of the Hub, downloaded unless cached.

    With ``HF_HUB_OFFLINE=1`` it must be in the cache.

    Raises:
        InputError: If the reference is malformed, or the file does not exist or cannot be reached.
    """
    from huggingface_hub import constants

    path = download_if_present(reference)
    if path is None and constants.HF_HUB_OFFLINE:
        raise InputError(f"{reference} is not in the local cache; unset HF_HUB_OFFLINE=1 to download it")
    if path is None:
        raise InputError(f"{reference} is not on the Hub; check the file's name in its repository")
    return path


def download_if_present(reference: str) -> Path | None:
    """Download a file like `download`, and return None if it does not exist.

    With ``HF_HUB_OFFLINE=1`` only files in the local cache exist.

    Raises:
        InputError: If the reference is malformed, or the Hub cannot be reached.
    """
    parts = _REFERENCE.fullmatch(reference)
    if not parts:
        raise InputError(f"{reference} must have the form hf://owner/repository/file[@revision]")
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    try:
        return Path(huggingface_hub.hf_hub_download(parts["repo"], parts["file"], revision=parts["revision"]))
    except LocalEntryNotFoundError as error:
        if huggingface_hub.constants.HF_HUB_OFFLINE:
            return None
        raise InputError(
            f"{reference} is not in the local cache, and the Hub cannot be reached; connect once, or give a local file"
        ) from error
    except EntryNotFoundError:
        return None
    except Exception as error:  # of the library, and of its HTTP client, which has changed between versions
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{reference} cannot be downloaded: {reason:.300}") from error


def find_in_cache(reference: str) -> Path | None:
    """Find a file of the Hub in the local cache, without the network."""
    parts = _REFERENCE.fullmatch(reference)
    if not parts:
        return None
    import huggingface_hub
    from huggingface_hub.errors import HFValidationError

    try:
        found = huggingface_hub.try_to_load_from_cache(parts["repo"], parts["file"], revision=parts["revision"])
    except HFValidationError:
        return None
    return Path(found) if isinstance(found, str) else None


def sibling(reference: str, name: str) -> str:
    """Return the address of another file in the same folder and revision."""
    file, at, revision = reference.partition("@")
    return f"{file.rpartition('/')[0]}/{name}{at}{revision}"


def check_hash(path: Path, sha256: str) -> None:
    """Check a file's SHA-256.

    Args:
        path: The file.
        sha256: The expected value, 64 hexadecimal digits.

    Raises:
        InputError: If the file has another, or cannot be read.
    """
    if not isinstance(sha256, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise InputError(f"sha256 must be 64 hexadecimal digits, got {sha256}")
    try:
        found = sha256_of(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if found != sha256.lower():
        raise InputError(
            f"{path} has the SHA-256 {found}, which is not sha256={sha256}, because it was changed or its download was "
            "cut short; delete it and download it again"
        )


def sha256_of(path: Path) -> str:
    """Compute a file's SHA-256 in hexadecimal digits."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            found.update(block)
    return found.hexdigest()
