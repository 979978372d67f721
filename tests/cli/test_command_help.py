"""``--help`` of the program and of its commands."""

import re
import sys

import pytest

from bsroformer.cli import main as program
from bsroformer.cli.config_tree import read_config_tree
from bsroformer.cli.registry import COMMANDS, INSTALLED
from support.launched import CONFIGS, REPOSITORY


@pytest.fixture
def printed(monkeypatch, capsys):
    """Runs the program in this process; what it prints."""

    def run(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["/elsewhere/bsroformer", *words])
        monkeypatch.setenv("COLUMNS", "100")
        monkeypatch.setattr("shutil.which", lambda name: f"/elsewhere/{name}")
        program.main()
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]], ids=str)
def test_the_program_lists_its_commands(printed, words):
    text = printed(*words)
    assert all(f"  {name}" in text and command.summary in text for name, command in INSTALLED.items())
    assert {"init", "completion"} <= {*text.split()}
    assert "benchmark" not in text


@pytest.mark.parametrize("name", INSTALLED)
def test_the_help_of_all_has_every_key_once(printed, name):
    text = printed(name, "--help", "all")
    first = re.findall(r"^  (\S+)", text, re.MULTILINE)
    keys = [key.name for key in read_config_tree(COMMANDS[name].root, [CONFIGS]).leaves if not key.is_internal]
    assert [key for key in keys if first.count(key) != 1 and "." in key] == []
    assert {*keys} <= {*first}


def test_help_has_defaults_choices_and_examples(printed):
    text = " ".join(printed("separate", "--help").split())
    assert text.startswith("Usage: bsroformer separate SONG...")
    assert "bsroformer separate song.mp3 other.flac --ckpt best.ckpt --two-stems vocals -o out" in text
    assert "bitrate bit rate of mp3, ogg and m4a, in kbit/s (default: 256)" in text
    assert "separation=default" in text and "windows overlap by an eighth" in text
    assert "(required)" in text


@pytest.mark.parametrize("words", [["help", "eval"], ["evaluate", "-h"], ["evaluate", "ckpt=x", "--help"]], ids=str)
def test_help_is_found_by_all_its_names(printed, words):
    assert printed(*words).startswith("Usage: bsroformer evaluate ")


@pytest.mark.parametrize("name", INSTALLED)
def test_the_help_of_a_command_fits_two_screens(printed, name):
    text = printed(name, "--help")
    assert text.count("\n") <= 100
    tree = read_config_tree(COMMANDS[name].root, [CONFIGS])
    assert [group for group in tree.choices if not re.search(rf"^ *{group}=", text, re.MULTILINE)] == []
    root_keys = {key.name for key in tree.leaves if not key.group}
    assert root_keys <= {*re.findall(r"^  (\S+)", text, re.MULTILINE)}


def test_the_help_of_a_group_has_its_choices_and_keys(printed):
    text = printed("train", "--help", "trainer")
    assert text.startswith("trainer=gpu\n  cpu  ")
    assert "trainer.precision" in text and "optimizer.lr" not in text
    assert printed("help", "train", "trainer") == text


def test_the_help_of_a_key_explains_it_alone(printed):
    assert printed("train", "-h", "optimizer.lr").startswith("  optimizer.lr  learning rate")
    assert printed("train", "-h", "optimizer.weight-decay").startswith("  optimizer.weight_decay  decoupled")
    assert printed("train", "-h", "augment.mixup").count("\n  augment.mixup.") == 2


def test_help_on_an_unknown_topic_names_the_nearest(printed, capsys):
    with pytest.raises(SystemExit) as ended:
        printed("train", "--help", "lr")
    assert ended.value.code == 2
    assert "--help lr: train has no group or key lr; did you mean optimizer.lr?" in capsys.readouterr().err


def test_help_follows_the_choices_on_the_command_line(printed):
    assert "scheduler.then.step_size" in printed("train", "model=paper", "--help", "scheduler")
    assert "model.trunk.dropout" in printed("train", "--help", "model=paper")
    assert "callbacks.prune.warmup_runs" in printed("train", "--callbacks", "[default,prune]", "--help", "callbacks")


def test_help_of_a_wrong_choice_is_a_sentence(printed, capsys):
    with pytest.raises(SystemExit) as ended:
        printed("train", "model=ltie", "--help")
    assert ended.value.code == 2
    assert "model=ltie must be one of" in capsys.readouterr().err


def test_help_of_a_script_names_the_script(script):
    status, text = script("eval", "--help")
    assert status == 0
    assert f"{REPOSITORY}/scripts/eval.py --estimates separated/htdemucs" in text
    assert "torchrun --nproc-per-node 2 " in " ".join(text.split())
    assert "bsroformer " not in text.replace(str(REPOSITORY), "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["seperate"], "unknown command seperate; did you mean separate?"),
        (["xyz"], "unknown command xyz; `bsroformer --help` lists the commands"),
        (["-m"], "unknown option -m; write bsroformer <command> -m"),
        (["benchmark"], "unknown command benchmark"),
        (["init"], "init takes one folder"),
        (["completion", "bsah"], "unknown shell bsah; did you mean bash?"),
    ],
)
def test_wrong_words_of_the_program_are_reported(printed, capsys, words, sentence):
    with pytest.raises(SystemExit) as ended:
        printed(*words)
    assert ended.value.code == 2
    assert f"error: {sentence}" in capsys.readouterr().err
