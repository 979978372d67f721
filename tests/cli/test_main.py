"""The commands as processes and their ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra

import bsroformer
from bsroformer.cli.main import main
from bsroformer.cli.registry import COMMANDS, Command
from support.launched import CONFIGS, REPOSITORY, small_run

WITHOUT_PYTORCH = """
import sys
from bsroformer.cli.main import main
sys.argv[1:] = {words}
try:
    main()
finally:
    assert not {absent} & set(sys.modules), {absent} & set(sys.modules)
"""


def test_every_script_is_a_command_with_a_config():
    scripts = {path.stem for path in (REPOSITORY / "scripts").glob("*.py")}
    assert scripts == {command.root for command in COMMANDS.values()} <= {path.stem for path in CONFIGS.glob("*.yaml")}
    assert all(callable(command.call) for command in COMMANDS.values())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_script_runs_its_command(name):
    source = (REPOSITORY / "scripts" / f"{COMMANDS[name].root}.py").read_text("utf-8")
    assert f'run("{name}")' in source


def test_every_public_name_can_be_imported():
    assert all(getattr(bsroformer, name) for name in bsroformer.__all__)
    assert set(bsroformer.__all__) <= set(dir(bsroformer))
    with pytest.raises(AttributeError, match="sepaartor"):
        _ = bsroformer.sepaartor


def run_program(words: list[str], absent: set[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the program in a new process, and check that modules stay unimported."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_PYTORCH.format(words=words, absent=absent)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )


@pytest.mark.parametrize(
    ("words", "absent", "status", "printed"),
    [
        ([], {"torch", "hydra", "omegaconf"}, 0, "check-gpu"),
        (["--version"], {"torch", "hydra", "rich"}, 0, f"bsroformer {bsroformer.__version__} (PyTorch "),
        (["train", "--help"], {"torch", "hydra", "omegaconf"}, 0, "optimizer.lr"),
        (["__complete", "zsh", "bsroformer train model=li"], {"torch", "hydra"}, 0, "model=lite\t"),
        (["seperate"], {"torch", "hydra"}, 2, "error: unknown command seperate; did you mean separate?"),
        (["train", "+lr=1"], {"torch"}, 2, "error: +lr=1: train has no key lr; did you mean optimizer.lr?"),
    ],
)
def test_what_runs_nothing_imports_little(words, absent, status, printed, tmp_path):
    done = run_program(words, absent, tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (status, False), done.stderr
    assert printed in done.stdout + done.stderr


def test_a_job_sees_the_command_line_that_starts_it_again(monkeypatch, tmp_path):
    """Lightning starts other processes with it, and a run's record contains it."""
    seen = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Command, "call", property(lambda self: lambda cfg: seen.append([*sys.argv])))
    monkeypatch.setattr(sys, "argv", ["/env/bin/bsroformer", "check_gpu", "--model", "tiny", "--no-evaluate"])
    main()
    GlobalHydra.instance().clear()
    assert seen == [["/env/bin/bsroformer", "check-gpu", "model=tiny", "evaluate=false"]]
    again = [*seen[0], "hydra.run.dir=x", "hydra.job.name=train_ddp_process_1"]
    monkeypatch.setattr(sys, "argv", again)
    main()
    GlobalHydra.instance().clear()
    assert seen[1] == again


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
