import shutil

import numpy as np
import pytest
import soundfile
from damaged_songs import FORM, RATE, change, findings, sound, summary, write_set

from bsroformer.data.layouts import TrackFormat, find_files
from bsroformer.data.splits import open_tracks
from bsroformer.errors import InputError


def refused(root) -> bool:
    """Return whether training refuses the data set."""
    try:
        open_tracks(find_files(root, FORM.stems), FORM)
    except InputError:
        return True
    return False


def lose(song):
    (song / "drums.wav").unlink()


def double(song):
    soundfile.write(song / "drums.flac", *soundfile.read(song / "drums.wav"))


def scramble(song):
    (song / "drums.wav").write_text("not audio")


def empty(song):
    soundfile.write(song / "drums.wav", np.zeros((0, 2)), RATE)


def shorten(song):
    change(song / "drums.wav", lambda audio: audio[:-800])


def another_rate(song):
    change(song / "drums.wav", lambda audio: audio[::2], rate=4000)


def mono(song):
    change(song / "drums.wav", lambda audio: audio.mean(axis=1))


def capital(song):
    (song / "drums.wav").rename(song / "Drums.wav")


ALL = ("mixture", "vocals", "drums")
DAMAGES = {
    "case mismatch": (capital, ("Drums",), "Drums instead of drums"),
    "missing": (lose, ("drums",), "only mixture, vocals"),
    "duplicate file": (double, (), "both drums.flac and drums.wav"),
    "unreadable": (scramble, ("drums",), "drums.wav is not an audio file"),
    "length": (shorten, ALL, "24000 samples in vocals, 23200 samples in drums"),
    "rate": (another_rate, ("drums",), "4000 Hz in drums, not 8000 Hz"),
    "channels": (mono, ("drums",), "1 channel in drums, not 2"),
}


def test_a_clean_set_gives_no_finding(root):
    assert findings(root) == []
    assert not refused(root)


@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("song", ["train/A", "test/T"])
def test_a_fault_that_training_refuses_is_the_only_finding(root, kind, song):
    damage, stems, phrase = DAMAGES[kind]
    damage(root / song)
    assert summary(root) == [("error", kind, song, stems)]
    [finding] = findings(root)
    assert phrase in finding.found
    assert finding.training.startswith("refuses the data set")
    assert refused(root)


def test_a_file_without_samples_is_unreadable(root):
    empty(root / "train" / "A")
    kinds = [kind for severity, kind, *_ in summary(root) if severity == "error"]
    assert "unreadable" in kinds
    assert refused(root)


@pytest.mark.parametrize("kind", ["missing", "length", "rate", "channels"])
def test_repairs_of_packing_are_remarks_except_for_test_tracks(root, kind):
    damage, stems, _ = DAMAGES[kind]
    damage(root / "train" / "A")
    assert summary(root, mend=(kind,)) == [("remark", kind, "train/A", stems)]
    assert findings(root, mend=(kind,))[0].training.startswith("packing ")
    damage(root / "test" / "T")
    assert ("error", kind, "test/T", stems) in summary(root, mend=(kind,))


def test_packing_ignores_a_mixture_that_does_not_fit(root):
    change(root / "train" / "A" / "mixture.wav", lambda audio: audio[:-800])
    assert summary(root) == [("error", "length", "train/A", ("mixture",))]
    assert "unless it is packed" in findings(root)[0].training
    assert summary(root, mend=("length",)) == [("remark", "length", "train/A", ("mixture",))]


def test_unused_files_are_reported(root):
    soundfile.write(root / "train" / "A" / "guitar.wav", sound(90), RATE)
    assert summary(root) == [("remark", "unused", "train/A", ("guitar",))]


def test_unused_stems_are_not_compared_with_the_mixture(root):
    found = findings(root, form=TrackFormat(("vocals",), RATE, 2))
    assert {(each.severity, each.kind, each.stems) for each in found} == {("remark", "unused", ("drums",))}


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_truncated_file_is_damaged_and_has_another_length(root, suffix):
    audio, _ = soundfile.read(root / "train" / "A" / "drums.wav")
    (root / "train" / "A" / "drums.wav").unlink()
    path = root / "train" / "A" / f"drums{suffix}"
    soundfile.write(path, audio, RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert [(severity, kind) for severity, kind, *_ in summary(root)] == [("error", "length"), ("warning", "damaged")]
    assert "of the 24000 samples in its header" in findings(root)[1].found
    assert refused(root)


def test_a_flac_damaged_in_the_middle_is_reported(root):
    audio, _ = soundfile.read(root / "train" / "A" / "drums.wav")
    (root / "train" / "A" / "drums.wav").unlink()
    path = root / "train" / "A" / "drums.flac"
    soundfile.write(path, audio, RATE)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert ("warning", "damaged", "train/A", ("drums",)) in summary(root)
    assert "drums.flac is damaged: some of it is silence or noise" in [
        each.found.partition(" instead")[0] for each in findings(root)
    ]


@pytest.mark.parametrize("split", ["train", "valid"])
def test_a_split_without_songs_is_an_error(root, split):
    shutil.rmtree(root / split)
    assert summary(root) == [("error", "no songs", f"{split}/", ())]


def test_a_track_shorter_than_an_excerpt_is_reported(tmp_path):
    root = write_set(tmp_path)
    for path in (root / "train" / "A").iterdir():
        change(path, lambda audio: audio[: RATE // 2])
    assert summary(root) == [("remark", "short", "train/A", ())]


@pytest.mark.parametrize("what", ["empty", "mixture alone", "nothing readable"])
def test_a_track_without_readable_stems_is_an_error(root, what):
    song = root / "train" / "A"
    for path in song.iterdir():
        if what == "empty" or (what == "mixture alone" and path.stem != "mixture"):
            path.unlink()
        elif what == "nothing readable":
            path.write_bytes(bytes(range(256)))
    assert {(severity, name) for severity, _, name, _ in summary(root)} == {("error", "train/A")}
