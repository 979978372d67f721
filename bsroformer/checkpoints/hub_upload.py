"""Upload of files to a repository of the Hugging Face Hub."""

import re
from collections.abc import Mapping
from pathlib import Path

from bsroformer.errors import InputError

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
REASON_CHARACTERS = 300
"""Length to which a reason of the Hub is shortened."""


def check_repository(repo: str | None) -> str:
    """Check the name of a repository.

    Raises:
        InputError: If it is missing, or not ``owner/name``.
    """
    if repo is None:
        raise InputError("publish needs a repository of the Hub; set repo=owner/name")
    is_name = REPOSITORY.fullmatch(repo) and ".." not in repo and "--" not in repo
    if not is_name or repo.endswith((".", "-", ".git")):
        raise InputError(
            f"repo={repo} must have the form owner/name, of letters, digits, '-', '_' and '.', at most 96 each"
        )
    return repo


def check_token() -> str:
    """Return the token of the Hub.

    Raises:
        InputError: If the package is not installed, or there is no token.
    """
    try:
        from huggingface_hub import get_token
    except ImportError as error:
        raise InputError(
            "publish needs the package huggingface_hub, which is not installed; run `pip install huggingface-hub`"
        ) from error
    token = get_token()
    if not token:
        raise InputError(
            "publish needs a token of the Hugging Face Hub with write access; run `hf auth login`, or set HF_TOKEN"
        )
    return token


def upload(repo: str, files: Mapping[str, Path], private: bool = False, overwrite: bool = False) -> str:
    """Upload files in one commit, so that all or none appear.

    Args:
        repo: The repository, ``owner/name``; it is created if missing.
        files: Local files by their names in the repository.
        private: Make a new repository visible to its owner only; an existing one stays as it is.
        overwrite: Replace files of these names.

    Returns:
        The address of the repository.

    Raises:
        InputError: If there is no token, a file exists, or the Hub refuses or cannot be reached.
    """
    token = check_token()
    from huggingface_hub import CommitOperationAdd, HfApi

    api = HfApi(token=token)
    try:
        present = set(api.list_repo_files(repo)) if api.repo_exists(repo) else None
        existing = [name for name in files if name in (present or ())]
        if existing and not overwrite:
            raise InputError(f"{repo} has {', '.join(existing)} already; set overwrite=true to replace them")
        if present is None:
            api.create_repo(repo, private=private, exist_ok=True)
        operations = [CommitOperationAdd(name, path) for name, path in files.items()]
        api.create_commit(repo, operations, commit_message="Publish a model of bsroformer")
    except InputError:
        raise
    except Exception as error:  # of the library, and of its HTTP client, which has changed between versions
        raise InputError(f"{repo} cannot be written on the Hub: {_reason(error)}") from error
    return f"{api.endpoint}/{repo}"


def _reason(error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return f"it refuses the token ({status}); give one with write access to this repository by `hf auth login`"
    reason = " ".join(str(error).split()) or type(error).__name__
    return f"{reason:.{REASON_CHARACTERS}}; check the name and the connection"
