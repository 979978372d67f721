"""Completions of each shell."""

import os
import shutil
import subprocess
import sys

import pytest

from bsroformer.cli.completion import print_completions
from bsroformer.cli.completion_scripts import SCRIPTS
from support.launched import REPOSITORY

FILES = ("song.mp3", "my song (live).wav", "sub/x.wav", ".hidden")
MODELS = ("full", "lite", "lite_mel", "lite_reference", "paper", "sfc_small", "sfc_tiny", "tiny", "tiny_reference")


@pytest.fixture
def completed(tmp_path, monkeypatch, capsys):
    """Candidates for a line in a folder with files, in zsh's form without summaries."""
    (tmp_path / "sub").mkdir()
    for name in FILES:
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)

    def complete(line: str, shell: str = "zsh") -> list[str]:
        print_completions([shell, f"bsroformer {line}"])
        return [found.partition("\t")[0] for found in capsys.readouterr().out.split("\n")[:-1]]

    return complete


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("tr", ["train"]),
        ("train model=", [f"model={name}" for name in MODELS]),
        ("train model=lite_", ["model=lite_mel", "model=lite_reference"]),
        ("train --model li", ["lite", "lite_mel", "lite_reference"]),
        ("eval logger=w", ["logger=wandb"]),
        ("train callbacks=[default,pru", ["callbacks=[default,prune"]),
        ("train --optimizer.l", ["--optimizer.lr"]),
        ("train trai", ["trainer=", "train_only=", "trainer."]),
        ("train model=paper --scheduler.then.st", ["--scheduler.then.step-size"]),
        ("train --help tra", ["trainer", "train_only", "trainer."]),
        ("train -h al", ["all"]),
        ("separate --resid", ["--residual"]),
        ("separate residual=", ["residual=true", "residual=false"]),
        ("separate --residual so", ["song.mp3"]),
        ("separate --ckpt s", ["song.mp3", "sub/"]),
        ("separate ckpt=su", ["ckpt=sub/"]),
        ("separate -o sub/", ["sub/x.wav"]),
        ("separate -- ", ["my song (live).wav", "song.mp3", "sub/"]),
        ("separate -- .h", [".hidden"]),
        ("separate 'my s", ["my song (live).wav"]),
        ("checkpoint ins", ["inspect"]),
        ("checkpoint action=e", ["action=export"]),
        ("completion f", ["fish"]),
        ("init su", ["sub/"]),
        ("unknown x", []),
        ("train model=ltie optimizer.l", []),
    ],
)
def test_a_line_is_completed(completed, line, found):
    assert completed(line) == found


def test_choices_come_with_a_summary(capsys):
    print_completions(["fish", "bsroformer train model=tin"])
    assert capsys.readouterr().out.startswith("model=tiny\t4.1 M parameters")


def test_bash_completes_after_the_equals_sign_and_escapes(completed):
    assert completed("train model=lite_m", "bash") == ["lite_mel "]
    assert completed("separate m", "bash")[0] == r"my\ song\ \(live\).wav "
    assert completed("separate 'm", "bash")[0] == "my song (live).wav"
    assert completed("train mo", "bash") == ["model=", "monitor=", "model_of_init=", "model."]


def test_the_script_for_bash_fills_in_the_candidates(tmp_path):
    if shutil.which("bash") is None:
        pytest.skip("needs bash")
    words = 'COMP_LINE="bsroformer train model=lite_m"; COMP_POINT=${#COMP_LINE}; _bsroformer; echo "${COMPREPLY[@]}"'
    program = f'bsroformer() {{ "{sys.executable}" -m bsroformer "$@"; }}'
    done = subprocess.run(
        ["bash", "-c", f"{program}\n{SCRIPTS['bash']}\n{words}\ncomplete -p bsroformer"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )
    assert done.stdout == "lite_mel \ncomplete -o nospace -F _bsroformer bsroformer\n", done.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_scripts_are_in_the_shells_language(shell):
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    subprocess.run([shell, "-n"], input=SCRIPTS[shell], text=True, check=True)
