"""``bsroformer init``: the configs, to be edited."""

import pytest

from bsroformer.cli.init import write_configs
from bsroformer.cli.registry import COMMANDS
from bsroformer.cli.runner import checked
from bsroformer.errors import InputError
from support.launched import CONFIGS, files_in


def test_init_writes_configs_that_a_command_uses(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_configs(["mine/configs"])
    copied = files_in(tmp_path / "mine" / "configs")
    assert files_in(CONFIGS) - copied == {name for name in files_in(CONFIGS) if name.startswith(("benchmark", "what/"))}
    assert "train --config-path mine/configs model=lite" in capsys.readouterr().out
    tiny = tmp_path / "mine" / "configs" / "model" / "tiny.yaml"
    tiny.rename(tiny.with_name("other.yaml"))
    words = checked(COMMANDS["train"], ["--config-path", "mine/configs", "model=other"])
    assert words == ["--config-path", str(tmp_path / "mine" / "configs"), "model=other"]
    with pytest.raises(InputError, match="model=tiny must be one of"):
        checked(COMMANDS["train"], ["--config-path=mine/configs", "model=tiny"])


def test_init_overwrites_nothing(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    with pytest.raises(InputError, match="mine exists and is not an empty folder"):
        write_configs([str(tmp_path / "mine")])
    with pytest.raises(InputError, match=r"notes\.txt exists"):
        write_configs([str(tmp_path / "mine" / "notes.txt")])
    assert files_in(tmp_path) == {"mine/notes.txt"}
