import subprocess
from pathlib import Path

import pytest

from bsroformer.cli.program_facts import MAX_PATCH_BYTES, bounded, git_state


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    return subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def package(tmp_path) -> Path:
    """A package in a checkout of one commit."""
    package = tmp_path / "checkout" / "package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("one = 1\n")
    (package.parent / ".gitignore").write_text("runs/\n")
    git(package.parent, "init", "-q", "-b", "trunk")
    git(package.parent, "add", ".")
    git(package.parent, "commit", "-q", "-m", "first")
    return package


def test_a_clean_checkout_is_its_commit_and_branch(package):
    state = git_state(package)
    assert state is not None
    assert state.commit == git(package, "rev-parse", "HEAD").strip()
    assert (state.branch, state.dirty, state.changes) == ("trunk", False, "")
    git(package, "checkout", "-q", "--detach")
    assert git_state(package).branch is None


def test_changes_are_kept_so_that_they_can_be_made_again(package):
    (package / "__init__.py").write_text("two = 2\n")
    state = git_state(package)
    assert state.dirty
    git(package, "checkout", "-q", ".")
    (package.parent / "changes.patch").write_text(state.changes)
    git(package.parent, "apply", "changes.patch")
    assert (package / "__init__.py").read_text() == "two = 2\n"


def test_new_files_make_a_checkout_dirty_unless_ignored(package):
    (package.parent / "runs").mkdir()
    (package.parent / "runs" / "run.json").touch()
    assert not git_state(package).dirty
    (package / "new.py").touch()
    assert git_state(package).dirty


def test_what_is_installed_within_a_checkout_is_not_of_it(package):
    installed = package.parent / "venv" / "package"
    installed.mkdir(parents=True)
    (installed / "__init__.py").touch()
    assert git_state(installed) is None


def test_without_a_checkout_or_git_there_is_no_state(package, tmp_path, monkeypatch):
    assert git_state(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(package) is None


def test_a_long_patch_is_cut():
    kept = bounded("ä" * MAX_PATCH_BYTES)
    assert MAX_PATCH_BYTES <= len(kept.encode()) < MAX_PATCH_BYTES + 100
    assert kept.endswith("too large to keep)\n")
    assert bounded("short") == "short"
