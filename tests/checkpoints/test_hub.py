"""Checkpoints on the Hub, read from its cache without network access."""

import hashlib
from pathlib import Path
from unittest.mock import MagicMock

import huggingface_hub
import pytest
import torch
import yaml
from huggingface_hub import constants
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from test_checkpoint import BS, tree_for

from bsroformer import InputError, load_model
from bsroformer.checkpoints.hub import check_hash, download, download_if_present, sibling
from support import public_model

COMMIT, OTHER = "a" * 40, "b" * 40


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """A Hub cache with one repository in two revisions, and no network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    repository = tmp_path / "models--somebody--models"
    for revision, commit, stems in (("main", COMMIT, ["vocals", "other"]), ("v2", OTHER, ["drums", "bass"])):
        folder = repository / "snapshots" / commit / "folder"
        folder.mkdir(parents=True)
        (repository / "refs").mkdir(exist_ok=True)
        (repository / "refs" / revision).write_text(commit)
        tree = tree_for(BS)
        tree["training"]["instruments"] = stems
        torch.save(public_model.random_state("bs", BS), folder / "bs.ckpt")
        (folder / "bs.yaml").write_text(yaml.safe_dump(tree))
    return repository


def test_a_cached_file_is_loaded_with_its_repositorys_yaml(cache):
    assert load_model("hf://somebody/models/folder/bs.ckpt").stems == ("vocals", "other")


@pytest.mark.parametrize("revision", ["v2", OTHER])
def test_a_revision_applies_to_the_yaml_too(cache, revision):
    assert load_model(f"hf://somebody/models/folder/bs.ckpt@{revision}").stems == ("drums", "bass")


def test_weights_and_yaml_may_come_from_different_places(cache):
    config = "hf://somebody/models/folder/bs.yaml@v2"
    assert load_model("hf://somebody/models/folder/bs.ckpt", config).stems == ("drums", "bass")


def test_without_a_yaml_on_the_hub_settings_are_assumed(cache, caplog):
    (cache / "snapshots" / COMMIT / "folder" / "bs.yaml").unlink()
    assert load_model("hf://somebody/models/folder/bs.ckpt").stems == ("stem_1", "stem_2")
    assert "has no YAML file" in caplog.text


@pytest.mark.parametrize(
    "reference",
    ["hf://somebody/models/folder/nothing.ckpt", "hf://nobody/models/x.ckpt", "hf://somebody/models/folder/bs.ckpt@v9"],
)
def test_offline_a_file_must_be_in_the_cache(cache, reference):
    with pytest.raises(InputError, match="is not in the local cache; unset HF_HUB_OFFLINE=1"):
        download(reference)


@pytest.mark.parametrize("reference", ["hf://x.ckpt", "hf://owner/model", "hf://a/b/c@", "hf:///a/b", "hf://a@b/c/d"])
def test_a_malformed_address_is_rejected(reference):
    with pytest.raises(InputError, match="must have the form hf://owner/repository/file"):
        download(reference)


@pytest.mark.parametrize("reference", ["hf://some body/mod..els/x.ckpt", "hf://a/b/../../x.ckpt"])
def test_names_that_the_hub_forbids_are_rejected(cache, reference):
    with pytest.raises(InputError, match="cannot be downloaded"):
        download(reference)


def test_a_sibling_is_in_the_same_folder_and_revision():
    assert sibling("hf://a/b/c/d.ckpt@v1", "d.yaml") == "hf://a/b/c/d.yaml@v1"
    assert sibling("hf://a/b/d.ckpt", "d.yaml") == "hf://a/b/d.yaml"


@pytest.mark.parametrize("change", [str.upper, str.lower])
def test_the_right_hash_passes_in_either_case(tmp_path, change):
    path = tmp_path / "x"
    path.write_bytes(b"12" * 2**20)
    check_hash(path, change(hashlib.sha256(path.read_bytes()).hexdigest()))


def test_a_file_missing_on_the_hub_is_none(cache, monkeypatch):
    assert download_if_present("hf://somebody/models/folder/nothing.yaml") is None
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", MagicMock(side_effect=EntryNotFoundError("no")))
    assert download_if_present("hf://somebody/models/x.yaml") is None
    with pytest.raises(InputError, match="is not on the Hub"):
        download("hf://somebody/models/x.yaml")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (LocalEntryNotFoundError("down"), "is not in the local cache, and the Hub cannot be reached"),
        (RuntimeError("the proxy says\nno"), "cannot be downloaded: the proxy says no"),
        (TimeoutError(), "cannot be downloaded: TimeoutError"),
    ],
)
def test_an_unreachable_hub_is_reported(cache, monkeypatch, error, reason):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", MagicMock(side_effect=error))
    for fetch in (download, download_if_present):
        with pytest.raises(InputError, match=reason):
            fetch("hf://somebody/models/x.yaml")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("0" * 64, "which is not sha256="),
        ("123", "must be 64 hexadecimal digits"),
        (123, "must be 64 hexadecimal digits"),
    ],
)
def test_a_wrong_hash_is_reported_before_the_file_is_read(tmp_path, given, reason):
    (tmp_path / "x.ckpt").write_bytes(b"anything")
    with pytest.raises(InputError, match=reason):
        load_model(tmp_path / "x.ckpt", sha256=given)


def test_the_hash_of_a_file_on_the_hub_is_checked(cache):
    with pytest.raises(InputError, match="which is not sha256="):
        load_model("hf://somebody/models/folder/bs.ckpt", sha256="0" * 64)
