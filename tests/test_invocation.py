"""Messages name commands in the form that the user typed."""

import sys

import pytest

from bsroformer.invocation import as_called, command_line, command_name, program_line
from support.launched import REPOSITORY


@pytest.fixture
def called(monkeypatch):
    """Set the command line of this process and the program's location."""

    def call(*words: str, python: str = "python3", on_path: str | None = None) -> None:
        monkeypatch.setattr(sys, "argv", list(words))
        monkeypatch.setattr(sys, "orig_argv", [python, *words])
        monkeypatch.setattr("shutil.which", lambda _: on_path)

    return call


def test_the_installed_program_is_named_by_its_name(called):
    called("/env/bin/bsroformer", "separate", on_path="/env/bin/bsroformer")
    assert command_line("separate", "a b.wav") == "bsroformer separate 'a b.wav'"
    assert command_name("evaluate") == "evaluate"


def test_a_program_outside_of_the_path_is_named_by_its_file(called):
    called(".venv/bin/bsroformer", "separate", on_path="/usr/bin/bsroformer")
    assert command_line("check-gpu") == ".venv/bin/bsroformer check-gpu"


def test_a_script_is_named_with_its_folder_and_interpreter(called, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    called("scripts/train.py", "model=lite", python=".venv/bin/python")
    assert command_line("evaluate", "ckpt=x") == ".venv/bin/python scripts/eval.py ckpt=x"
    assert command_name("check-gpu") == "check_gpu"
    monkeypatch.chdir(REPOSITORY / "scripts")
    called("train.py")
    assert command_line("studio") == "python3 app.py"


def test_the_module_is_named_as_one(called):
    called(f"{REPOSITORY}/bsroformer/__main__.py", "train")
    monkey = sys.orig_argv
    monkey[1:] = ["-m", "bsroformer", "train"]
    assert program_line() == "python3 -m bsroformer"


@pytest.mark.parametrize("program", ["", "/tmp/notebook.py", "/elsewhere/train.py", "-c"])
def test_another_program_names_the_installed_one(called, program):
    called(program)
    assert command_line("train", "experiment=demo") == "bsroformer train experiment=demo"


def test_commands_in_a_text_are_written_as_called(called, monkeypatch):
    text = "bsroformer check-gpu, torchrun -m bsroformer evaluate; bsroformer trains"
    assert as_called(text) == text
    monkeypatch.chdir(REPOSITORY)
    called("scripts/train.py")
    assert as_called(text) == "python3 scripts/check_gpu.py, torchrun scripts/eval.py; bsroformer trains"
