"""The commands as processes and their ends."""

import signal
import subprocess
import sys
import time

import pytest

import bsroformer
from bsroformer.cli.commands import COMMANDS
from launched import CONFIGS, REPOSITORY, small_run

WITHOUT_PYTORCH = """
import sys
from bsroformer.cli import run
sys.argv[1:] = {words}
try:
    run({name!r})
finally:
    assert "torch" not in sys.modules
"""


def test_every_script_is_a_command_with_a_config():
    scripts = {path.stem for path in (REPOSITORY / "scripts").glob("*.py")}
    assert scripts == set(COMMANDS) <= {path.stem for path in CONFIGS.glob("*.yaml")}
    assert all(callable(command.call) for command in COMMANDS.values())


def test_every_public_name_can_be_imported():
    assert all(getattr(bsroformer, name) for name in bsroformer.__all__)
    assert set(bsroformer.__all__) <= set(dir(bsroformer))
    with pytest.raises(AttributeError, match="sepaartor"):
        _ = bsroformer.sepaartor


@pytest.mark.parametrize(
    ("name", "words", "status", "printed"),
    [
        ("train", ["--help"], 0, "optimizer"),
        ("separate", ["--version"], 0, f"bsroformer {bsroformer.__version__} (PyTorch "),
        ("train", ["+lr=1"], 2, "error: +lr=1: train has no key lr; did you mean optimizer.lr?"),
    ],
)
def test_what_runs_nothing_imports_no_pytorch(name, words, status, printed):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PYTORCH.format(words=words, name=name)],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (status, False), done.stderr
    assert printed in done.stdout + done.stderr


def test_ctrl_c_is_no_traceback_at_any_time(tmp_path, songs_root):
    command = [sys.executable, str(REPOSITORY / "scripts" / "train.py"), *small_run(songs_root)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
    )
    time.sleep(0.7)  # Hydra and PyTorch are being imported
    process.send_signal(signal.SIGINT)
    printed = "".join(process.communicate(timeout=60))
    assert process.returncode == 130
    assert "Traceback" not in printed and "Stopped." in printed


@pytest.mark.parametrize("name", ["[Live] Beyoncé.wav", "null"])
def test_a_song_of_any_name_is_looked_for_by_its_name(script, name):
    status, printed = script("separate", "ckpt=no.ckpt", "--", name)
    assert status == 2 and "no checkpoint at no.ckpt" in printed
