"""Against museval itself, on a real song and on rendered ones."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from bsroformer.data.demo_songs import render_demo_set
from bsroformer.evaluation.museval_json import museval_json, write_museval
from bsroformer.evaluation.scores import Evaluation, TrackScores
from bsroformer.metrics import LIMIT_DB, bss_eval, bss_eval_available, framewise_sdr

STEMS = ("vocals", "drums")  # equations of 2048 unknowns; of four stems, 8 times the work
MUSEVAL_NAMES = ("SDR", "ISR", "SIR", "SAR")
needs_museval = pytest.mark.skipif(not bss_eval_available(), reason="museval needs FFmpeg on the PATH")
RATE = 44100


def real_song(_: Path) -> np.ndarray:
    """Three seconds of the song that comes with stempeg, (n t c): AAC, so without treble."""
    import stempeg

    stems, rate = stempeg.read_stems(stempeg.example_stem_path())
    assert rate == RATE
    return stems[[4, 1], RATE : 4 * RATE]


def rendered_song(folder: Path) -> np.ndarray:
    """The first three seconds of a demo song, (n t c)."""
    pytest.importorskip("midirenderer", reason="the demo songs' synthesiser is not installed")
    pytest.importorskip("pretty_midi", reason="the demo songs' SoundFont is not installed")
    song = next((render_demo_set(folder, train_songs=0, test_songs=1, seconds=4.0, workers=1) / "test").iterdir())
    return np.stack([soundfile.read(song / f"{stem}.wav", stop=3 * RATE)[0] for stem in STEMS])


@pytest.fixture(scope="module", params=[real_song, rendered_song])
def song(request, tmp_path_factory) -> tuple[np.ndarray, np.ndarray]:
    """References and estimates of a song, (n t c); in the middle second one reference is silent."""
    references = request.param(tmp_path_factory.mktemp("song") / "set").astype(np.float64)
    noise = np.random.default_rng(0).standard_normal(references.shape)
    estimates = references + 0.1 * references[::-1] + 0.005 * noise
    references[1, RATE : 2 * RATE] = 0
    return references, estimates


@pytest.fixture(scope="module")
def by_museval(song) -> dict[str, np.ndarray]:
    """What museval gives, each (n frames)."""
    import museval

    return dict(zip(MUSEVAL_NAMES, museval.evaluate(*song, win=RATE, hop=RATE), strict=True))


@pytest.fixture(scope="module")
def by_us(song) -> dict[str, np.ndarray]:
    references, estimates = (torch.from_numpy(stems).mT for stems in song)
    return {name: db.numpy() for name, db in bss_eval(estimates, references, RATE).items()}


def track_store(values: dict[str, np.ndarray], name: str = "A Song"):
    """museval's own store, filled as `museval.eval_mus_track` fills it."""
    import museval

    store = museval.TrackStore(name, win=1.0, hop=1.0)
    for n, stem in enumerate(STEMS):
        store.add_target(stem, {metric: of[n].tolist() for metric, of in values.items()})
    return store


def song_scores(values: dict[str, np.ndarray], name: str = "A Song") -> TrackScores:
    frames = {stem: {metric: tuple(of[n].tolist()) for metric, of in values.items()} for n, stem in enumerate(STEMS)}
    return TrackScores(name, 3.0, {stem: {} for stem in STEMS}, frames)


@needs_museval
def test_bss_eval_is_museval_for_nearly_singular_equations(by_us, by_museval):
    for name, db in by_museval.items():
        np.testing.assert_allclose(by_us[name], db, rtol=0, atol=1e-9, err_msg=name)
    assert np.isnan(by_museval["SDR"]).tolist() == [[False, True, False]] * 2


@needs_museval
def test_the_framewise_sdr_is_musevals(song, by_museval):
    references, estimates = (torch.from_numpy(stems).mT for stems in song)
    np.testing.assert_allclose(framewise_sdr(estimates, references, RATE), by_museval["SDR"], rtol=0, atol=1e-9)


@needs_museval
def test_the_bytes_are_musevals(by_us, by_museval):
    store = track_store(by_museval)
    store.validate()
    assert museval_json(song_scores(by_museval), STEMS) == store.json
    assert museval_json(song_scores(by_us), STEMS) == store.json


@needs_museval
@pytest.mark.parametrize("name", ["Café (Live) v1.2", "A Song"])
def test_infinite_tiny_and_odd_numbers_have_musevals_bytes(name):
    numbers = [math.inf, -math.inf, math.nan, -1e-9, 0.0, 1.000005, 123.4567891234, -49.5]
    values = {metric: np.array([numbers] * 2) for metric in MUSEVAL_NAMES}
    assert museval_json(song_scores(values, name), STEMS) == track_store(values, name).json


def test_without_bss_eval_other_ratios_are_undefined():
    scores = TrackScores("A Song", 2.0, {"bass": {}}, {"bass": {"SDR": (LIMIT_DB, 1.25)}})
    frames = json.loads(museval_json(scores, ["bass"]))["targets"][0]["frames"]
    assert [frame["time"] for frame in frames] == [0.0, 1.0]
    assert math.isnan(frames[0]["metrics"]["SDR"])
    assert frames[1]["metrics"]["SDR"] == 1.25
    assert all(math.isnan(frame["metrics"][name]) for frame in frames for name in ("SIR", "SAR", "ISR"))


@needs_museval
def test_museval_reads_the_files_and_finds_the_same_csdr(tmp_path):
    import museval

    generator = np.random.default_rng(1)
    songs = []
    for n in range(3):
        values = {metric: generator.uniform(-5, 20, (2, 6 + n)) for metric in MUSEVAL_NAMES}
        for of in values.values():
            of[:, n] = math.nan
        songs.append(song_scores(values, f"Song v1.{n}"))
        write_museval(songs[-1], STEMS, tmp_path / "lite" / "test" / f"Song v1.{n}.json")
    methods, tracks = museval.MethodStore(), museval.EvalStore()
    methods.add_eval_dir(tmp_path / "lite")
    tracks.add_eval_dir(tmp_path / "lite")
    ours = Evaluation("lite", "model", STEMS, ("cSDR", "SIR", "SAR", "ISR"), tuple(songs)).scores
    for stem, scores in ours.items():
        for metric, db in scores.items():
            theirs = metric.replace("cSDR", "SDR")
            assert methods.agg_frames_tracks_scores()["lite", stem, theirs] == pytest.approx(db, abs=1e-5)
            assert tracks.agg_frames_tracks_scores()[stem, theirs] == pytest.approx(db, abs=1e-5)


def test_writing_needs_neither_museval_nor_ffmpeg(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "museval", None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    scores = TrackScores("A Song", 1.0, {"bass": {}}, {"bass": {"SDR": (1.0,)}})
    write_museval(scores, ["bass"], tmp_path / "Song.json")
    assert json.loads((tmp_path / "Song.json").read_text("utf-8"))["targets"]
