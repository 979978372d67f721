import os

import pytest

from bsroformer.cli.commands.train.wandb_mode import use_wandb_offline_without_key


@pytest.fixture(autouse=True)
def nobody_is_logged_in(monkeypatch, tmp_path):
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL", "NETRC"):
        monkeypatch.setenv(name, "")  # so that what a test sets is undone
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


def log_in(path, host: str = "api.wandb.ai") -> None:
    path.write_text(f"machine {host}\n  login user\n  password {'0' * 40}\n")
    path.chmod(0o600)


def test_without_a_key_it_logs_offline():
    assert use_wandb_offline_without_key()
    assert os.environ["WANDB_MODE"] == "offline"


def test_a_key_in_the_environment_keeps_it_online(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    assert not use_wandb_offline_without_key()
    assert "WANDB_MODE" not in os.environ


def test_who_has_logged_in_once_stays_online(tmp_path):
    log_in(tmp_path / ".netrc")
    assert not use_wandb_offline_without_key()
    assert "WANDB_MODE" not in os.environ


def test_the_key_may_lie_where_the_environment_says(monkeypatch, tmp_path):
    log_in(tmp_path / "elsewhere")
    monkeypatch.setenv("NETRC", str(tmp_path / "elsewhere"))
    assert not use_wandb_offline_without_key()


def test_a_login_at_another_server_does_not_count(monkeypatch, tmp_path):
    log_in(tmp_path / ".netrc", "wandb.example.org")
    assert use_wandb_offline_without_key()
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org:8080")
    assert not use_wandb_offline_without_key()


def test_a_damaged_netrc_is_no_login(tmp_path):
    (tmp_path / ".netrc").write_text("machine\n")
    assert use_wandb_offline_without_key()


@pytest.mark.parametrize(("mode", "offline"), [("offline", True), ("online", False), ("disabled", False)])
def test_the_users_own_mode_stands(monkeypatch, mode, offline):
    monkeypatch.setenv("WANDB_MODE", mode)
    assert use_wandb_offline_without_key() == offline
    assert os.environ["WANDB_MODE"] == mode
