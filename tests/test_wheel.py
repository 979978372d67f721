"""Content of the wheel: the package, its configs and its command."""

import subprocess
import sys
import zipfile
from email import message_from_string

import pytest

import bsroformer
from support.launched import CONFIGS, REPOSITORY, files_in

OF_A_CHECKOUT = ("benchmark.yaml", "what/")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    pytest.importorskip("hatchling", reason="the wheel is built with hatchling, of the extra `dev`")
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", str(REPOSITORY), "--no-deps", "--no-build-isolation", "-q"]
    subprocess.run([*build, "-w", str(folder)], check=True, capture_output=True)
    [path] = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_the_wheel_has_the_configs_and_no_benchmarks(wheel):
    names = set(wheel.namelist())
    configs = {f"bsroformer/configs/{name}" for name in files_in(CONFIGS) if not name.startswith(OF_A_CHECKOUT)}
    assert configs == {name for name in names if name.startswith("bsroformer/configs/")}
    assert {"bsroformer/py.typed", "bsroformer/studio/page.css", "bsroformer/report/run_page.html"} <= names
    assert not [name for name in names if "benchmark" in name]
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"bsroformer"}


def test_the_wheel_has_one_version_and_one_command(wheel):
    assert wheel.filename is not None and f"bsroformer-{bsroformer.__version__}-" in wheel.filename
    [metadata] = [name for name in wheel.namelist() if name.endswith("dist-info/METADATA")]
    fields = message_from_string(wheel.read(metadata).decode())
    assert fields["Version"] == bsroformer.__version__
    entry_points = wheel.read(metadata.replace("METADATA", "entry_points.txt")).decode()
    assert entry_points.split("\n")[:2] == ["[console_scripts]", "bsroformer = bsroformer.cli.main:main"]
    assert any(need.startswith("lightning<") for need in fields.get_all("Requires-Dist") or [])
