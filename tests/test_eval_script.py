"""``scripts/eval.py`` as a user starts it: its files, and its resumption."""

import contextlib
import csv
import io
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bsroformer.checkpoints.save import save_model
from bsroformer.models import ModelSettings
from bsroformer.models.bs_roformer import BandSplitRoformer
from support.launched import REPOSITORY, launch
from support.warm import Running, environment, started

SCRIPT = str(REPOSITORY / "scripts" / "eval.py")
RATE = 8000
STEMS = ("vocals", "drums", "bass", "other")
SMALL = ("data=folder", f"audio.sample_rate={RATE}", "device=cpu", "precision=fp32")


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Six songs of noise to test on, 2 to 4.5 s."""
    root = tmp_path_factory.mktemp("set")
    rng = np.random.default_rng(0)
    for number in range(6):
        write_song(root / "test" / f"Song {number}", rng.normal(0, 0.1, (4, RATE * (4 + number) // 2, 2)))
    return root


@pytest.fixture(scope="module")
def ckpt(tmp_path_factory) -> str:
    """A model with random weights."""
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    tree = {
        "stems": list(STEMS),
        "sample_rate": RATE,
        "channels": 2,
        "chunk_seconds": 0.5,
        "stft": {"n_fft": 256, "hop_length": 64},
        "bands": {"layout": "fixed", "widths": [[1, 129]]},
        "trunk": {"dim": 8, "depth": 1, "heads": 2, "dim_head": 4},
        "masks": {"expansion": 2},
    }
    save_model(BandSplitRoformer(ModelSettings.from_dict(tree)).eval(), path)
    return str(path)


def write_song(folder: Path, audio: np.ndarray) -> None:
    folder.mkdir(parents=True)
    for stem, samples in zip(STEMS, audio, strict=True):
        soundfile.write(folder / f"{stem}.wav", samples, RATE, subtype="FLOAT")


def evaluated(cwd: Path, *overrides: str) -> tuple[int, str]:
    """Evaluate in this process; return exit status and output."""
    printed, status = io.StringIO(), 0
    with contextlib.chdir(cwd), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            launch("eval", *SMALL, *overrides)
        except SystemExit as ended:
            status = int(ended.code or 0)
    return status, printed.getvalue()


def wait_for_a_song(script: Running, folder: Path) -> None:
    """Wait up to a minute until a script has scored a song or ended."""
    end = time.monotonic() + 60
    while script.process.is_alive() and not list(folder.glob("*.json")) and time.monotonic() < end:
        time.sleep(0.001)


def results_of(folder: Path) -> dict:
    return json.loads((folder / "results.json").read_text("utf-8"))


def scores_of(folder: Path) -> list:
    """The results without times and other conditions of the run."""
    results = results_of(folder)
    return [{key: value for key, value in results.items() if key != "made"}]


@pytest.fixture(scope="module")
def whole(root, ckpt, tmp_path_factory) -> Path:
    """The evaluation of all songs by one process, undisturbed."""
    cwd = tmp_path_factory.mktemp("whole")
    status, printed = evaluated(cwd, f"ckpt={ckpt}", f"data.root={root}", "output=out", "save_stems=true")
    assert status == 0, printed
    assert ("cSDR" in printed and "18/18 Song 5, small: cSDR" in printed.replace("\n", " ")) or "Song 5" in printed
    return cwd / "out"


def test_it_leaves_results_for_people_programs_and_museval(whole):
    results = results_of(whole)
    assert results["stems"] == list(STEMS)
    assert results["metrics"] == ["cSDR", "uSDR", "SI-SDR"]
    assert [(method["name"], method["kind"]) for method in results["methods"]] == [
        ("mixture", "mixture"),
        ("small", "model"),
        ("IRM2", "oracle"),
    ]
    names = [f"Song {number}" for number in range(6)]
    assert all([song["song"] for song in method["songs"]] == names for method in results["methods"])
    with (whole / "results.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["song"] for row in rows} == {*names, "all songs"}
    assert "| " in (whole / "results.md").read_text("utf-8")
    assert (whole / "report.html").read_text("utf-8").startswith("<!doctype html>")
    assert sorted(path.stem for path in (whole / "museval" / "small" / "test").iterdir()) == names
    assert {path.name for path in (whole / "stems" / "small" / "Song 0").iterdir()} == {f"{stem}.wav" for stem in STEMS}


def test_the_oracle_scores_above_the_mixture_in_every_metric(whole):
    mixture, _, oracle = (method["scores"] for method in results_of(whole)["methods"])
    assert all(
        oracle[stem][metric] > mixture[stem][metric] + 3 for stem in STEMS for metric in ("cSDR", "uSDR", "SI-SDR")
    )


def test_stems_on_disk_score_like_the_model_that_wrote_them(whole, root, tmp_path):
    estimates = f"estimates={whole / 'stems' / 'small'}"
    status, printed = evaluated(tmp_path, estimates, f"data.root={root}", "output=out", "songs=[Song 0,Song 1]")
    assert status == 0, printed
    by_model, by_folder = (results_of(folder)["methods"] for folder in (whole, tmp_path / "out"))
    assert by_folder[1]["kind"] == "estimates"
    for of_model, of_folder in zip(by_model, by_folder, strict=True):
        assert of_folder["songs"] == of_model["songs"][:2]


def test_several_are_compared_pair_by_pair(whole, root, ckpt, tmp_path):
    both = f"ckpt={{one: {ckpt}, half: {ckpt}}}"
    folder = f"estimates={{theirs: {whole / 'stems' / 'small'}}}"
    status, printed = evaluated(
        tmp_path, both, folder, f"data.root={root}", "output=out", "bounds=[]", "songs=[Song 1,Song 3]"
    )
    assert status == 0, printed
    results = results_of(tmp_path / "out")
    assert [(pair["method"], pair["minus"]) for pair in results["differences"]] == [
        ("half", "one"),
        ("theirs", "one"),
        ("theirs", "half"),
    ]
    assert all(pair["scores"]["mean"]["SI-SDR"]["difference"] == 0 for pair in results["differences"])
    assert results["songs"] == 2
    assert "theirs" in printed and "half" in printed


def test_a_killed_evaluation_resumes_to_the_same_result(whole, root, ckpt, tmp_path):
    arguments = f"ckpt={ckpt}", f"data.root={root}", "output=out"
    kept = tmp_path / "out" / "songs" / "small"
    script = started("eval", *SMALL, *arguments, cwd=tmp_path)
    wait_for_a_song(script, kept)
    script.send(signal.SIGKILL)
    assert script.ended()[0] == -signal.SIGKILL
    written = {path: path.stat().st_mtime_ns for path in kept.glob("*.json")}
    assert written
    status, printed = evaluated(tmp_path, *arguments)
    assert status == 0, printed
    assert all(path.stat().st_mtime_ns == when for path, when in written.items())
    assert scores_of(tmp_path / "out") == scores_of(whole)


def test_sigterm_stops_it_and_reports_how_to_resume(root, ckpt, tmp_path):
    arguments = f"ckpt={ckpt}", f"data.root={root}", "output=out"
    script = started("eval", *SMALL, *arguments, cwd=tmp_path)
    wait_for_a_song(script, tmp_path / "out" / "songs" / "small")
    script.send(signal.SIGTERM)
    status, printed = script.ended()
    assert status == 130
    assert "output=out resumes from here" in printed


def test_ranks_of_torchrun_share_the_songs_and_score_alike(whole, root, ckpt, tmp_path):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", SCRIPT]
    arguments = *SMALL, f"ckpt={ckpt}", f"data.root={root}"
    done = subprocess.run([*torchrun, *arguments], cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = (tmp_path / "runs" / "eval").iterdir()
    assert scores_of(folder) == scores_of(whole)
    assert done.stdout.count("Tables, plots") == 1


def test_a_damaged_song_is_reported_and_the_others_are_scored(root, ckpt, tmp_path):
    shutil.copytree(root, tmp_path / "set")
    damaged = tmp_path / "set" / "test" / "Song 2" / "bass.wav"
    damaged.write_bytes(damaged.read_bytes()[:5000])
    (tmp_path / "set" / "test" / "Song 4" / "other.wav").write_bytes(b"no audio")
    shutil.rmtree(tmp_path / "set" / "test" / "Song 5")
    status, printed = evaluated(tmp_path, f"ckpt={ckpt}", "data.root=set", "output=out", "bounds=[mixture]")
    assert status == 2
    assert "error: 2 songs could not be scored" in printed.replace("song(s)", "songs")
    results = results_of(tmp_path / "out")
    assert [song["song"] for song in results["methods"][1]["songs"]] == ["Song 0", "Song 1", "Song 3"]
    assert [failure["song"] for failure in results["failures"]] == ["Song 2", "Song 4"]
    assert "bass" in results["failures"][0]["reason"]
    assert "Song 4" in (tmp_path / "out" / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["songs=[Sung 1]"], "songs=Sung 1 is not a song of test; did you mean Song 1?"),
        (["split=valid"], "the data set has no valid songs"),
        (["split=tset"], "split=tset must be one of train, valid, test"),
        (["metrics=[SDR]"], "metrics names SDR; choose from cSDR"),
        (["bounds=[IRM9]"], "bounds names IRM9; choose from mixture, IRM1, IRM2"),
        (["stems=[piano]"], "stems names piano, which small lack; choose from vocals"),
        (["workers=0"], "workers=0 must be"),
        (["audio.sample_rate=44100"], "small separates 8000 Hz, and the songs have 44100"),
    ],
)
def test_invalid_settings_are_reported_in_one_sentence(root, ckpt, tmp_path, overrides, reason, capsys):
    words = *SMALL, f"ckpt={ckpt}", f"data.root={root}", f"output={tmp_path / 'out'}", *overrides
    with pytest.raises(SystemExit, match="2"):
        launch("eval", *words)
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert reason in message
    assert message.count("\n") == 1


def test_the_table_goes_to_weights_and_biases(root, ckpt, tmp_path):
    arguments = f"ckpt={ckpt}", f"data.root={root}", "output=out", "songs=[Song 0]", "logger=wandb"
    status, printed = evaluated(tmp_path, *arguments)
    assert status == 0, printed
    assert "wandb sync" in printed
    (table,) = (tmp_path / "out" / "wandb").glob("offline-run-*/files/media/table/test/*.json")
    lines = json.loads(table.read_text("utf-8"))["data"]
    assert {line[0] for line in lines} == {"mixture", "small", "IRM2"}


@pytest.mark.slow
def test_a_hundred_songs_are_scored_in_the_memory_of_a_few(tmp_path):
    """100 songs of 10 s with estimates hold 3.2 GB; PyTorch alone takes 0.7 GB."""
    rng = np.random.default_rng(0)
    for folder in ("stems", "best", "worst", "usual"):
        for stem in STEMS:
            (tmp_path / folder).mkdir(exist_ok=True)
            noise = {"best": 0.001, "worst": 1.0}.get(folder, 0.1) * rng.normal(0, 1, (441_000, 2))
            true = 0 if folder == "stems" else soundfile.read(tmp_path / "stems" / f"{stem}.wav")[0]
            soundfile.write(tmp_path / folder / f"{stem}.wav", true + noise, 44_100, "FLOAT")
    for number in range(100):
        estimates = {0: "best", 1: "best", 2: "worst", 3: "worst"}.get(number, "usual")
        for where, folder in (("set/test", "stems"), ("theirs", estimates)):
            song = tmp_path / where / f"Song {number:02}"
            song.parent.mkdir(parents=True, exist_ok=True)
            song.symlink_to(tmp_path / folder, target_is_directory=True)
    limit = 1536 * 2**20
    limited = f"import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_DATA, ({limit}, {limit})); " + (
        "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    arguments = "data=folder", "data.root=set", "estimates=theirs", "output=out", "bounds=[mixture]"
    done = subprocess.run(
        [sys.executable, "-c", limited, SCRIPT, *arguments],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = results_of(tmp_path / "out")
    assert [len(method["songs"]) for method in results["methods"]] == [100, 100]
