"""The examples of docs/examples/ run as they are."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bsroformer.checkpoints.save import save_model
from bsroformer.cli.registry import COMMANDS
from support.launched import REPOSITORY, SMALL_RUN

EXAMPLES = REPOSITORY / "docs/examples"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(name: str, monkeypatch, *words: object) -> None:
    monkeypatch.setattr(sys, "argv", [name, *map(str, words)])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def test_the_example_separates_a_song(folder, tiny_model, monkeypatch, capsys):
    save_model(tiny_model, folder / "model.safetensors")
    soundfile.write(folder / "song.wav", np.full((8000, 2), 0.1), 8000)
    run("separate.py", monkeypatch, "model.safetensors", "song.wav")
    assert {path.name for path in (folder / "separated/song").iterdir()} == {"vocals.flac", "other.flac"}
    assert "vocals: peak" in capsys.readouterr().out


def test_the_example_compares_two_models(folder, songs_root, tiny_tree, monkeypatch, capsys):
    from bsroformer.models import build_model, settings_from_dict

    settings = settings_from_dict({**tiny_tree, "sample_rate": 44_100})
    for name in ("a.safetensors", "b.safetensors"):
        save_model(build_model(settings), folder / name)
    run("compare.py", monkeypatch, "a.safetensors", "b.safetensors", songs_root)
    printed = capsys.readouterr().out
    assert "first: " in printed and "second - first: " in printed
    assert (folder / "comparison/report.html").is_file()


RECORDER = """#!/bin/sh
for word; do printf '%s\\n' "$word"; done >> "$COMMANDS"
echo >> "$COMMANDS"
"""


@pytest.mark.usefixtures("one_processor")
@pytest.mark.skipif(os.name != "posix", reason="the example is a shell script")
def test_the_example_trains_on_songs_and_evaluates(folder, songs_root, script, monkeypatch):
    """The script calls a program that records its words, and the commands run in this process."""
    monkeypatch.setenv("HOME", str(folder))
    songs = folder / "songs"
    for source, target in {"train/A": "train/A", "train/B": "valid/B", "test/D": "test/D"}.items():
        shutil.copytree(songs_root / source, songs / target)
    words = [word for word in SMALL_RUN if not word.startswith(("data=", "data.valid_songs="))]
    for command, *rest in commands_of(EXAMPLES / "train_on_your_songs.sh", songs, *words, folder=folder):
        status, printed = script(COMMANDS[command].root, *rest)
        assert status == 0, printed
    assert (folder / "runs/mine/checkpoints/best.ckpt").is_file()
    assert (folder / "scores/report.html").is_file()


def commands_of(path: Path, *words: object, folder: Path) -> list[list[str]]:
    """Run a shell script with a recorder instead of the program; return the words of each call."""
    program = folder / "bin" / "bsroformer"
    program.parent.mkdir()
    program.write_text(RECORDER)
    program.chmod(0o755)
    own = {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}", "COMMANDS": str(folder / "commands")}
    subprocess.run([path, *words], check=True, env=os.environ | own, timeout=60)
    calls = (folder / "commands").read_text("utf-8").split("\n\n")
    return [call.splitlines() for call in calls if call]
