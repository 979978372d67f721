"""`scripts/prepare.py`, and trainings on its packs."""

import shutil
from pathlib import Path

import pytest
import soundfile
import torch
from rich.filesize import decimal

from support.launched import SMALL_RUN, launch

DATA = ("data=folder", "data.valid_songs=[B]", "workers=1")


@pytest.fixture
def songs(songs_root, tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(songs_root, tmp_path / "songs")
    return tmp_path / "songs"


def run(*overrides: str) -> None:
    launch("prepare", *DATA, "paths.cache_dir=cache", *overrides)


def test_packing_prints_the_size_and_skips_packed_songs(songs, capsys):
    run(f"data.root={songs}")
    printed = capsys.readouterr().out.splitlines()
    size = 3 * 4 * 2 * 44_100 * 4  # songs, stems, channels, samples, bytes
    assert printed[0].startswith(f"3 as float32 to pack, 0:03 of music: {decimal(size)} in cache/packs/songs-")
    assert printed[-1].startswith("Packed 3 of 3 songs in cache/packs/songs-")
    run(f"data.root={songs}")
    assert capsys.readouterr().out.splitlines()[0] == "Skipping 3 songs packed already"
    assert len(list(Path("cache").rglob("stems.npy"))) == 3


def test_a_training_from_packs_is_that_from_files(songs, capsys):
    run(f"data.root={songs}", "data.pack=packs")
    weights = []
    for pack in ("false", "packs"):
        settings = (f"data.root={songs}", f"data.pack={pack}", f"paths.output_dir=run-{pack}", "augment.active_db=null")
        launch("train", *SMALL_RUN, *settings)
        weights.append(torch.load(f"run-{pack}/checkpoints/last.ckpt", weights_only=True)["state_dict"])
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert "Reading 3 songs from packs in packs" in capsys.readouterr().out


def test_a_training_resumes_from_packs_alone(songs, capsys):
    run(f"data.root={songs}", "data.pack=packs")
    songs.rename("elsewhere")
    launch("train", *SMALL_RUN, f"data.root={songs}", "data.pack=packs", "paths.output_dir=run")
    assert "2 songs to train on, 1 to validate, 0 to test" in capsys.readouterr().out


def test_a_training_on_files_reports_the_saving_of_packs(songs, capsys):
    launch("train", *SMALL_RUN, f"data.root={songs}", "paths.output_dir=run", "paths.cache_dir=cache")
    printed = capsys.readouterr().out
    assert "Reading 3 songs from audio files: " in printed and " ms for an excerpt, silent regions" in printed
    assert f"bsroformer prepare data.root={songs}" in printed


def test_a_training_ignores_stale_packs_with_a_warning(songs, capsys):
    run(f"data.root={songs}", "data.pack=packs")
    audio, rate = soundfile.read(songs / "train/A/bass.wav")
    soundfile.write(songs / "train/A/bass.wav", audio / 2, rate, subtype="FLOAT")
    launch("train", *SMALL_RUN, f"data.root={songs}", "data.pack=packs", "paths.output_dir=run")
    printed = capsys.readouterr().out
    assert "Reading 2 songs from packs" in printed
    assert "Ignoring the packs of A, which are damaged or of other files, stems or versions; run" in printed


def test_songs_that_do_not_fit_are_reported_and_not_packed(songs, capsys):
    audio, rate = soundfile.read(songs / "train/A/bass.wav")
    soundfile.write(songs / "train/A/bass.wav", audio, rate // 2)
    with pytest.raises(SystemExit) as exit_status:
        run(f"data.root={songs}", "data.pack=packs")
    assert exit_status.value.code == 2
    printed = capsys.readouterr().out
    assert "not packed: " in printed and "22050 Hz in bass" in printed and "Packed 2 of 3 songs in packs" in printed
    run(f"data.root={songs}", "data.pack=packs", "mend=[rate,length]")
    assert "Packed 3 of 3 songs in packs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("override", "printed"),
    [
        ("action=paint", "action=paint must be one of pack, check, preview"),
        ("workers=0", "workers=0 must be 1 or more"),
        ("mend=[pitch]", "mend=[pitch] must be a list of rate, channels"),
        ("precision=int8", "precision=int8 must be one of auto, int16"),
        ("data.pack=false", "data.pack=false writes no packs"),
        ("data.root=nowhere", "There is no data set folder nowhere"),
    ],
)
def test_wrong_keys_are_reported(songs, capsys, override, printed):
    with pytest.raises(SystemExit) as exit_status:
        run(f"data.root={songs}", override)
    assert exit_status.value.code == 2
    assert printed in capsys.readouterr().err


def test_a_preview_is_something_to_hear_and_to_see(songs, capsys):
    run(f"data.root={songs}", "action=preview", "output=heard", "stem=drums", "data.seconds=0.5")
    assert "are in heard" in capsys.readouterr().out
    assert (Path("heard") / "effects.png").stat().st_size > 10_000
    for name in ("original", "stretch", "codec", "excerpt-1/mixture", "excerpt-3/vocals", "mixup", "random_mix-before"):
        assert soundfile.info(f"heard/{name}.wav").samplerate == 44_100
    with pytest.raises(SystemExit):
        run(f"data.root={songs}", "action=preview", "stem=kazoo")
    assert "no song to train on has stem=kazoo; name one of vocals, drums" in capsys.readouterr().err
