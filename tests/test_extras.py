from importlib.metadata import requires

import pytest

from bsroformer import extras
from launched import REPOSITORY

tomllib = pytest.importorskip("tomllib")  # of Python 3.11
EXTRAS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_installed_program_names_the_packages_of_an_extra(monkeypatch, tmp_path, extra):
    monkeypatch.setattr(extras, "CHECKOUT", tmp_path)
    command = extras.install_command(extra)
    assert command.startswith("pip install ") and "-e" not in command.split()
    declared = {need.partition("[")[0] for need in EXTRAS[extra]}
    assert all(need in command for need in declared - {"bsroformer"})


def test_a_checkout_is_installed_again_with_the_extra(monkeypatch, tmp_path):
    assert requires("bsroformer")
    monkeypatch.chdir(REPOSITORY)
    assert extras.install_command("web") == 'pip install -e ".[web]"'
    monkeypatch.chdir(tmp_path)
    assert extras.install_command("web") == f'pip install -e "{REPOSITORY}[web]"'
