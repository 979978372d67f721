"""Uploads to a Hub on this machine."""

import sys
from pathlib import Path

import huggingface_hub
import pytest

from bsroformer import InputError
from bsroformer.checkpoints.hub_upload import check_repository, check_token, upload


@pytest.fixture
def files(tmp_path) -> dict[str, Path]:
    """Two small files."""
    paths = {name: tmp_path / name for name in ("model.safetensors", "README.md")}
    for name, path in paths.items():
        path.write_text(f"content of {name}")
    return paths


def test_files_are_uploaded_to_a_new_repository(hub, files):
    assert upload("me/model", files) == f"{hub.address}/me/model"
    assert hub.files["me/model"] == {name: path.read_bytes() for name, path in files.items()}
    assert hub.private == {"me/model": False}
    assert "Bearer hf_secret" in hub.tokens


def test_a_new_repository_may_be_private(hub, files):
    upload("me/model", files, private=True)
    assert hub.private == {"me/model": True}


def test_files_of_a_repository_are_replaced_on_request(hub, files):
    hub.files["me/model"] = {"README.md": b"by hand", "other.txt": b"kept"}
    with pytest.raises(InputError, match=r"me/model has README.md already; set overwrite=true to replace them"):
        upload("me/model", files)
    assert hub.files["me/model"] == {"README.md": b"by hand", "other.txt": b"kept"}
    upload("me/model", files, overwrite=True)
    assert hub.files["me/model"]["README.md"] == b"content of README.md"
    assert hub.files["me/model"]["other.txt"] == b"kept"


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_reported(hub, files, status):
    hub.refuses = status
    with pytest.raises(InputError, match=rf"me/model cannot be written on the Hub: it refuses the token \({status}\)"):
        upload("me/model", files)


def test_a_fault_of_the_hub_is_one_sentence(hub, files):
    hub.refuses = 418
    with pytest.raises(InputError, match="me/model cannot be written on the Hub: ") as failed:
        upload("me/model", files)
    assert "\n" not in str(failed.value) and "hf_secret" not in str(failed.value)


@pytest.mark.parametrize(
    "repo", ["model", "a/b/c", "me/", "/model", "me/..", "me/a--b", "me/m.git", "me/ö", "https://x/y"]
)
def test_a_name_that_is_no_repository_is_refused(repo):
    with pytest.raises(InputError, match="must have the form owner/name"):
        check_repository(repo)


def test_a_missing_repository_token_or_package_is_reported(monkeypatch):
    with pytest.raises(InputError, match="set repo=owner/name"):
        check_repository(None)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    with pytest.raises(InputError, match="run `hf auth login`, or set HF_TOKEN"):
        check_token()
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(InputError, match="run `pip install huggingface-hub`"):
        check_token()
