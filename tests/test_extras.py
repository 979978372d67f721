import re
from importlib.metadata import requires
from types import SimpleNamespace

import pytest

from bsroformer import extras
from support.launched import REPOSITORY

hatchling = pytest.importorskip("hatchling.metadata.core", reason="it reads the extras of pyproject.toml as pip does")
EXTRAS = hatchling.ProjectMetadata(str(REPOSITORY), None).core.optional_dependencies

GIT = '{"url": "https://example.org/bsroformer.git", "vcs_info": {"vcs": "git", "commit_id": "0123abc"}}'


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Pretend an installed program and set the source that pip recorded."""
    requirements = [f"{need}; extra == '{extra}'" for extra, needs in EXTRAS.items() for need in needs]
    monkeypatch.setattr(extras, "in_checkout", lambda: False)
    monkeypatch.setattr(extras, "distribution", lambda name: SimpleNamespace(requires=requirements))

    def from_url(direct_url: str | None) -> None:
        monkeypatch.setattr(extras, "installed_from", lambda: direct_url and extras.requirement_url(direct_url))

    return from_url


@pytest.mark.parametrize("extra", EXTRAS)
def test_without_a_source_the_packages_of_an_extra_are_named(installed, extra):
    installed(None)
    command = extras.install_command(extra)
    assert command.startswith("pip install ") and "-e" not in command.split()
    declared = EXTRAS[extra]
    assert all(re.split("[<>]", need)[0] in command for need in declared)


def test_the_install_command_names_the_wheels_source(installed, tmp_path):
    wheel = tmp_path / "a b" / "bsroformer-0.1.0-py3-none-any.whl"
    installed(f'{{"url": "{wheel.as_uri()}", "archive_info": {{}}}}')
    assert extras.install_command("studio").startswith('pip install "gradio')  # the file has been deleted
    wheel.parent.mkdir()
    wheel.touch()
    assert extras.install_command("studio") == f'pip install "bsroformer[studio] @ {wheel.as_uri()}"'
    installed('{"url": "https://example.org/bsroformer-0.1.0-py3-none-any.whl", "archive_info": {}}')
    assert extras.install_command("studio").endswith('@ https://example.org/bsroformer-0.1.0-py3-none-any.whl"')
    installed(GIT)
    assert extras.install_command("studio") == (
        'pip install "bsroformer[studio] @ git+https://example.org/bsroformer.git@0123abc"'
    )


def test_a_checkout_is_installed_again_with_the_extra(monkeypatch, tmp_path):
    assert requires("bsroformer")
    monkeypatch.chdir(REPOSITORY)
    assert extras.install_command("studio") == 'pip install -e ".[studio]"'
    monkeypatch.chdir(tmp_path)
    assert extras.install_command("studio") == f'pip install -e "{REPOSITORY}[studio]"'


def test_the_former_name_of_the_extra_studio_still_works():
    assert EXTRAS["web"] == EXTRAS["studio"]
