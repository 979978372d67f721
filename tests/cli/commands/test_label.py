"""``bsroformer prepare label``: songs labelled by a model, for another one to train on."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from rich.console import Console

from bsroformer.checkpoints.save import save_model
from bsroformer.cli.commands.prepare.label import LABELS, label
from bsroformer.cli.exit_status import EXIT_USER_ERROR
from bsroformer.data.sources import FolderSource
from bsroformer.data.splits import open_tracks
from bsroformer.errors import InputError
from support.launched import composed


@pytest.fixture
def teacher(tmp_path, tiny_model) -> Path:
    save_model(tiny_model, tmp_path / "teacher.safetensors")
    return tmp_path / "teacher.safetensors"


@pytest.fixture
def music(tmp_path, tiny_model) -> Path:
    (tmp_path / "music").mkdir()
    for number, name in enumerate(("a", "b")):
        noise = np.random.default_rng(number).normal(0, 0.1, (3 * tiny_model.sample_rate, 2))
        soundfile.write(tmp_path / "music" / f"{name}.wav", noise, tiny_model.sample_rate)
    return tmp_path / "music"


def labelled(teacher: Path, music: Path, *more: str) -> tuple[int, str]:
    """Exit status, and what is printed."""
    console = Console(file=io.StringIO(), width=200, soft_wrap=True, markup=False, highlight=False)
    words = f"ckpt={teacher}", f"input={music}", f"output={music.parent / 'labelled'}", "action=label", *more
    return label(composed("prepare", *words), console), console.file.getvalue()


def stems_in(music: Path) -> set[str]:
    return {path.relative_to(music.parent / "labelled").as_posix() for path in music.parent.glob("labelled/*/*.flac")}


def test_songs_become_further_training_material(teacher, music, tiny_model):
    (music / "LICENSE").write_text("CC0-1.0\n")
    status, printed = labelled(teacher, music, "min_agreement_db=-100")
    assert status == 0
    metadata = json.loads((music.parent / "labelled" / "a" / "metadata.json").read_text("utf-8"))
    assert metadata["license"] == "CC0-1.0"
    assert metadata["source"].startswith("stems by teacher.safetensors, weights ")
    assert stems_in(music) == {f"{song}/{stem}.flac" for song in "ab" for stem in tiny_model.stems}
    assert "data.extra_weight=0.5" in printed
    root = music.parent / "set" / "train" / "Song"
    root.mkdir(parents=True)
    for stem in tiny_model.stems:
        soundfile.write(root / f"{stem}.wav", np.zeros((1000, 2)), tiny_model.sample_rate)
    extra = [str(music.parent / "labelled")]
    source = FolderSource(
        str(root.parents[1]), "any", [], extra, tiny_model.stems, tiny_model.sample_rate, 2, extra_weight=0.5
    )
    tracks = open_tracks(source.files(), source.form).train
    assert {track.name: (track.weight, track.stems) for track in tracks} == {
        "Song": (1, tiny_model.stems),
        "labelled/a": (0.5, tiny_model.stems),
        "labelled/b": (0.5, tiny_model.stems),
    }


def test_stems_on_which_the_passes_disagree_are_not_kept(teacher, music, tiny_model):
    labelled(teacher, music, "min_agreement_db=-100")
    record = json.loads((music.parent / "labelled" / "a" / LABELS).read_text("utf-8"))
    agreement = record["agreement_db"]
    best = max(agreement, key=agreement.get)
    bound = (agreement[best] + sorted(agreement.values())[-2]) / 2
    _, printed = labelled(teacher, music, f"min_agreement_db={bound}", f"input={music / 'a.wav'}")
    assert {path for path in stems_in(music) if path.startswith("a/")} == {f"a/{best}.flac"}
    assert f"kept: {best}" in printed


def test_labelled_songs_are_skipped_until_a_setting_changes(teacher, music):
    labelled(teacher, music, "min_agreement_db=-100")
    before = {path: path.stat().st_mtime_ns for path in music.parent.glob("labelled/*/*.flac")}
    status, printed = labelled(teacher, music, "min_agreement_db=-100")
    assert status == 0 and "Skipped 2 songs labelled already" in printed
    assert before == {path: path.stat().st_mtime_ns for path in music.parent.glob("labelled/*/*.flac")}
    assert "Skipped" not in labelled(teacher, music, "min_agreement_db=-99")[1]


def test_a_bad_song_does_not_stop_the_others(teacher, music):
    (music / "a.wav").write_bytes(b"RIFF")
    status, printed = labelled(teacher, music, "min_agreement_db=-100")
    assert status == EXIT_USER_ERROR
    assert "not labelled: " in printed and "a.wav" in printed
    assert {path[:2] for path in stems_in(music)} == {"b/"}


@pytest.mark.parametrize("lacking", ["ckpt", "input"])
def test_a_missing_key_is_one_sentence(teacher, music, lacking):
    with pytest.raises(InputError, match=rf"action=label needs .*{lacking}="):
        labelled(teacher, music, f"{lacking}=null")


def test_a_folder_of_other_files_is_not_replaced(teacher, music):
    own = music.parent / "labelled" / "a" / "vocals.flac"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"mine")
    status, printed = labelled(teacher, music)
    assert status == EXIT_USER_ERROR and "exists and holds no labels; choose another output folder" in printed
    assert own.read_bytes() == b"mine"


def test_a_missing_file_is_labelled_again(teacher, music, tiny_model):
    labelled(teacher, music, "min_agreement_db=-100")
    (music.parent / "labelled" / "a" / f"{tiny_model.stems[0]}.flac").unlink()
    assert "Skipped 1 song" in labelled(teacher, music, "min_agreement_db=-100")[1]
    assert f"a/{tiny_model.stems[0]}.flac" in stems_in(music)


def test_songs_in_folders_and_without_kept_stems_can_be_trained_on(teacher, music, tiny_model):
    (music / "album").mkdir()
    (music / "b.wav").rename(music / "album" / "b.wav")
    labelled(teacher, music, "min_agreement_db=-100", f"input={music}")
    labelled(teacher, music, "min_agreement_db=300", f"input={music / 'a.wav'}", f"output={music.parent / 'labelled'}")
    root = music.parent / "set" / "train" / "Song"
    root.mkdir(parents=True)
    for stem in tiny_model.stems:
        soundfile.write(root / f"{stem}.wav", np.zeros((1000, 2)), tiny_model.sample_rate)
    extra = [str(music.parent / "labelled")]
    source = FolderSource(str(root.parents[1]), "any", [], extra, tiny_model.stems, tiny_model.sample_rate, 2)
    assert {track.name for track in open_tracks(source.files(), source.form).train} == {"Song", "labelled/album - b"}
