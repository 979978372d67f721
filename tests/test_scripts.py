"""The scripts as a user runs them, and their files."""

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import yaml

from bsroformer import load_model
from bsroformer.audio.files import probe, read
from bsroformer.data.layouts.musdb18 import validation_songs
from bsroformer.metrics import bss_eval_available
from support.launched import REPOSITORY, SMALL_RUN, blank_pictures, files_in, small_run

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec")
STEMS = ("vocals", "drums", "bass", "other")
METRICS = {"SI-SDR", "SI-SDRi", "uSDR", "cSDR"}


def start(cwd: Path, script: str, *overrides: str) -> str:
    """Run a script in a new process with an empty home, and return its output."""
    (cwd.parent / "home").mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB_", "MUSDB_"))}
    done = subprocess.run(
        [sys.executable, REPOSITORY / "scripts" / f"{script}.py", *overrides],
        cwd=cwd,
        env=kept | {"PYTHONPATH": str(REPOSITORY), "HOME": str(cwd.parent / "home")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def stems_of(song: str) -> set[str]:
    return {f"{song}/{stem}.wav" for stem in STEMS}


@pytest.fixture(scope="module")
def trained(songs_root, tmp_path_factory) -> tuple[Path, str]:
    """Folder and output of a run that trains, logs to Weights & Biases and evaluates."""
    cwd = tmp_path_factory.mktemp("trained") / "cwd"
    cwd.mkdir()
    run = small_run(songs_root, "logger=wandb", "evaluate=true", "paths.output_dir=out")
    return cwd, start(cwd, "train", *run)


@pytest.fixture(scope="module")
def checkpoint(trained) -> Path:
    return trained[0] / "out" / "checkpoints" / "best.ckpt"


@pytest.fixture(scope="module")
def musdb7_root(tmp_path_factory) -> Path:
    """Data set like MUSDB18: the excerpt shipped with stempeg, under three names."""
    spec = find_spec("stempeg")
    assert spec is not None and spec.origin is not None
    [song] = (Path(spec.origin).parent / "data").glob("*.stem.mp4")
    root = tmp_path_factory.mktemp("musdb7")
    for place in ("train/Song", f"train/{validation_songs()[0]}", "test/Another Song"):
        link = root / f"{place}.stem.mp4"
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(song)
    return root


def check_scores(
    results: dict, songs: list[str], metrics: set[str] = METRICS, kinds: Sequence[str] = ("mixture", "model", "oracle")
) -> None:
    """Check the format that other programs rely on."""
    assert [method["kind"] for method in results["methods"]] == list(kinds)
    for method in results["methods"]:
        assert [song["song"] for song in method["songs"]] == songs
        assert tuple(method["scores"]) == (*STEMS, "mean")
        for values in method["scores"].values():
            assert values.keys() == metrics
            assert all(math.isfinite(value) for value in values.values())


def results_of(folder: Path) -> dict:
    return json.loads((folder / "results.json").read_text("utf-8"))


def test_a_run_leaves_its_checkpoints_curves_and_configuration(trained):
    cwd, printed = trained
    left = files_in(cwd / "out")
    assert {
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
        "config.yaml",
        "curves.png",
        "metrics.csv",
        "run.json",
        "report.html",
    } <= left
    assert (cwd / "out" / "curves.png").read_bytes().startswith(b"\x89PNG")
    config = yaml.safe_load((cwd / "out" / "config.yaml").read_text("utf-8"))
    assert config["trainer"]["max_steps"] == 2
    assert "2 songs to train on, 1 to validate, 1 to test" in printed
    assert load_model(cwd / "out" / "checkpoints" / "last.ckpt").stems == STEMS


def test_a_run_with_evaluation_leaves_scores_and_separated_songs(trained):
    folder = trained[0] / "out"
    check_scores(results_of(folder / "evaluation"), ["D"])
    assert files_in(folder / "separated") == stems_of("D")
    left = {"separation.png", "evaluation/results.csv", "evaluation/plots/SI-SDR.png", "evaluation/report.html"}
    assert left <= files_in(folder)
    assert 'href="evaluation/report.html"' in (folder / "report.html").read_text("utf-8")


def test_a_run_leaves_nothing_outside_of_its_folder(trained):
    assert [path.name for path in trained[0].iterdir()] == ["out"]


def test_wandb_works_without_a_key_and_explains_the_sync(trained):
    cwd, printed = trained
    [path] = re.findall(r"To see this run in Weights & Biases: wandb sync (.+)\n", printed)
    assert list((cwd / path).glob("*.wandb"))


def encode(path: Path, audio: np.ndarray, rate: int) -> None:
    """Write ``(t c)`` in the suffix's format, m4a by FFmpeg, others by libsndfile."""
    if path.suffix != ".m4a":
        soundfile.write(path, audio, rate)
        return
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=rate, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(audio.T, np.float32), "fltp", "stereo")
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("name", "rate", "channels"),
    [
        ("a.wav", 44_100, 2),
        ("mono [live].wav", 48_000, 1),
        ("high.flac", 192_000, 2),
        ("s.mp3", 44_100, 2),
        ("é.m4a", 48_000, 2),
        ("low.wav", 8000, 2),
    ],
)
def test_a_song_is_separated_at_its_own_rate_and_length(script, checkpoint, tmp_path, name, rate, channels):
    (tmp_path / "music").mkdir()
    encode(tmp_path / "music" / name, np.random.default_rng(0).normal(0, 0.1, (rate, channels)), rate)
    status, printed = script("separate", f"ckpt={checkpoint}", f"input='music/{name}'", "output=out")
    assert status == 0, printed
    song = Path(name).stem
    assert f"vocals, drums, bass, other are in out/{song} (0:01 of music in 0:0" in printed
    assert files_in(tmp_path / "out") == stems_of(song)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["music", "out"]
    mixture, _ = read(tmp_path / "music" / name)
    for path in (tmp_path / "out" / song).iterdir():
        info = probe(path)
        assert (info.sample_rate, info.frames, info.channels) == (rate, mixture.shape[1], channels)


def test_separation_writes_to_separated(script, checkpoint, songs_root, tmp_path):
    song = songs_root / "test" / "D" / "vocals.wav"
    status, printed = script("separate", f"ckpt={checkpoint}", f"input={song}")
    assert status == 0, printed
    assert files_in(tmp_path) == {f"separated/{stem}" for stem in stems_of("vocals")}


def test_evaluation_writes_its_outputs(script, checkpoint, songs_root, tmp_path):
    museval = bss_eval_available()
    status, printed = script(
        "eval",
        f"ckpt={checkpoint}",
        "data=folder",
        f"data.root={songs_root}",
        "output=out",
        f"metrics=[{'bss_eval' if museval else 'cSDR'}]",
        "bounds=[mixture]",  # museval takes its time
    )
    assert status == 0, printed
    assert "cSDR" in printed and "mixture" in printed
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    metrics = {"cSDR", "SIR", "SAR", "ISR"} if museval else {"cSDR"}
    plots = {f"plots/{metric}.png" for metric in metrics}
    assert {"results.json", "results.csv", "results.md", "report.html", *plots} <= files_in(tmp_path / "out")
    check_scores(results_of(tmp_path / "out"), ["D"], metrics, ["mixture", "model"])


def test_evaluation_repeats_the_scores_of_the_run(script, trained, checkpoint, songs_root, tmp_path):
    data = "data=folder", f"data.root={songs_root}", "output=out", "metrics=[SI-SDR,SI-SDRi,uSDR,cSDR]"
    status, printed = script("eval", f"ckpt={{model: {checkpoint}}}", *data)
    assert status == 0, printed
    closing, again = results_of(trained[0] / "out" / "evaluation"), results_of(tmp_path / "out")
    assert again["methods"] == closing["methods"]


def test_a_sweep_gives_each_job_a_folder(script, songs_root, tmp_path):
    sweep = small_run(songs_root, "optimizer.lr=1e-4,3e-4", "paths.output_dir=out")
    with blank_pictures():
        status, printed = script("train", "-m", *sweep)
    assert status == 0, printed
    for job, rate in enumerate((1e-4, 3e-4)):
        folder = tmp_path / "out" / str(job)
        assert yaml.safe_load((folder / "config.yaml").read_text("utf-8"))["optimizer"]["lr"] == rate
        assert {"checkpoints/best.ckpt", "checkpoints/last.ckpt", "curves.png"} <= files_in(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_each_job_of_a_sweep_has_its_own_wandb_run(script, songs_root, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    run = small_run(songs_root, "trainer.max_steps=1", "logger=wandb", "paths.output_dir=out", "optimizer.lr=1e-4,3e-4")
    with blank_pictures():
        status, printed = script("train", "-m", *run)
    assert status == 0, printed
    for job in ("0", "1"):
        assert len(list((tmp_path / "out" / job / "wandb").glob("offline-run-*"))) == 1


@pytest.mark.usefixtures("one_processor")
def test_the_demo_renders_trains_and_scores(script, tmp_path, monkeypatch):
    pytest.importorskip("midirenderer", reason="the demo songs need the extra `demo`")
    monkeypatch.setenv("BSROFORMER_CACHE", str(tmp_path / "cache"))
    songs = "data.source.train_songs=2", "data.valid_songs=1", "data.source.test_songs=1", "data.source.seconds=4"
    short = "trainer.max_steps=2", "data.epoch_size=2", "logger=none", "paths.output_dir=out"
    status, printed = script("train", "experiment=demo", *songs, *short)
    assert status == 0, printed
    assert {"evaluation/results.json", "separation.png", "curves.png"} <= files_in(tmp_path / "out")
    (song,) = (tmp_path / "out" / "separated").iterdir()
    assert files_in(song.parent) == stems_of(song.name)


def test_musdb7_trains_evaluates_and_separates(script, musdb7_root, tmp_path):
    data = "data=musdb7", f"data.root={musdb7_root}"
    run = [*SMALL_RUN[2:], *data, "evaluate=true", "paths.output_dir=out"]
    with blank_pictures():
        status, printed = script("train", *run)
    assert status == 0, printed
    assert "1 song to train on, 1 to validate, 1 to test" in printed
    check_scores(results_of(tmp_path / "out" / "evaluation"), ["Another Song"])
    ckpt = "ckpt=out/checkpoints/last.ckpt"
    short = "output=valid", "bounds=[mixture]"
    with blank_pictures():
        status, printed = script("eval", ckpt, *data, "split=valid", *short)
    assert status == 0, printed
    check_scores(
        results_of(tmp_path / "valid"), [validation_songs()[0]], {"cSDR", "uSDR", "SI-SDR"}, ["mixture", "model"]
    )
    song = musdb7_root / "test" / "Another Song.stem.mp4"
    status, printed = script("separate", ckpt, f"input='{song}'", "output=stems")
    assert status == 0, printed
    assert files_in(tmp_path / "stems") == stems_of("Another Song")


@pytest.mark.parametrize("choice", ["fast_dev_run", "profile"])
def test_debugging_runs_need_no_care(script, songs_root, tmp_path, choice):
    """The experiment asks for an evaluation, and debugging turns it off."""
    run = small_run(songs_root, f"debug={choice}", "trainer.max_steps=2", "paths.output_dir=out")
    with blank_pictures():
        status, printed = script("train", "experiment=demo", *run)
    assert status == 0, printed
    assert not (tmp_path / "out" / "evaluation").exists()
    profiled = choice == "profile"
    assert ({"profile.txt", "profile.json"} <= files_in(tmp_path / "out")) == profiled
    assert ("out/profile.txt" in printed) == profiled
