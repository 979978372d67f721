import shutil

import numpy as np
import pytest
import soundfile
from damaged_songs import RATE, change, findings, summary, write_song

ALL = ("mixture", "vocals", "drums")


def copy(root, song, new, convert=None):
    """Copy a song, perhaps in other samples (t c)."""
    shutil.copytree(root / song, root / new)
    for path in (root / new).iterdir():
        if convert:
            change(path, convert)


def test_the_same_track_in_two_splits_is_an_error(root):
    copy(root, "train/A", "test/Another Name")
    for path in (root / "test" / "Another Name").iterdir():
        audio, _ = soundfile.read(path)
        path.unlink()
        soundfile.write(path.with_suffix(".flac"), audio, RATE, subtype="PCM_24")
    assert summary(root) == [("error", "duplicate", "test/Another Name", ALL)]
    assert findings(root)[0].found == "the same audio as train/A"


def test_the_same_song_twice_in_a_split_is_a_warning(root):
    copy(root, "train/A", "train/C")
    assert summary(root) == [("warning", "duplicate", "train/C", ALL)]


def test_one_sound_in_two_stems_is_reported(root):
    song = root / "train" / "A"
    shutil.copy(song / "vocals.wav", song / "drums.wav")
    (song / "mixture.wav").unlink()
    assert summary(root) == [("warning", "duplicate", "train/A", ("drums",))]
    assert findings(root)[0].found == "the same audio as its vocals"


def test_silence_is_not_the_same_song(root):
    for song in ("train/A", "train/B"):
        change(root / song / "drums.wav", lambda audio: 0 * audio)
        (root / song / "mixture.wav").unlink()
    assert {kind for _, kind, *_ in summary(root)} == {"silent"}


def later(audio):
    return np.concatenate([np.zeros((2_469, 2)), audio])


def slightly_later(audio):
    return np.concatenate([np.zeros((77, 2)), audio])


def noisier(audio):
    return audio + 0.1 * audio.std() * np.random.default_rng(0).normal(0, 1, audio.shape)


COPIES = {
    "quieter": lambda audio: 0.3 * audio,
    "inverted": lambda audio: -0.7 * audio,
    "later": later,
    "slightly later": slightly_later,
    "cut": lambda audio: audio[5_000:],
    "noisier": noisier,
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_that_was_changed_is_a_near_duplicate(root, name):
    copy(root, "train/A", "test/C", COPIES[name])
    found = [each for each in summary(root) if each[1] != "mixture residual"]
    assert found == [("warning", "near duplicate", "test/C", ("drums", "mixture", "vocals"))]


def test_a_copy_in_mp3_is_a_near_duplicate(root):
    copy(root, "train/A", "test/C")
    for path in (root / "test" / "C").iterdir():
        audio, _ = soundfile.read(path)
        path.unlink()
        soundfile.write(path.with_suffix(".mp3"), audio, RATE)
    assert ("warning", "near duplicate", "test/C", ("drums", "mixture", "vocals")) in summary(root)


def test_other_sounds_in_the_same_rhythm_are_not_reported(root):
    write_song(root / "train" / "C", 7)
    rhythm = np.tile(np.exp(-np.arange(2_000) / 300), 12)[:, None]
    for seed, song in enumerate(("A", "B", "C")):
        noise = np.random.default_rng(seed).normal(0, 0.2, (24_000, 2)).clip(-0.9, 0.9)
        soundfile.write(root / "train" / song / "drums.wav", rhythm * noise, RATE)
        (root / "train" / song / "mixture.wav").unlink()
    assert summary(root) == []


def test_steady_sounds_are_not_reported(root):
    for seed, song in enumerate(("A", "B")):
        tone = 0.3 * np.sin(2 * np.pi * (300 + 40 * seed) * np.arange(24_000) / RATE)
        soundfile.write(root / "train" / song / "drums.wav", np.stack([tone, tone], axis=1), RATE)
        (root / "train" / song / "mixture.wav").unlink()
    assert summary(root) == []


def test_a_shared_stem_is_reported_alone(root):
    shutil.copy(root / "train" / "A" / "drums.wav", root / "train" / "B" / "drums.wav")
    (root / "train" / "B" / "mixture.wav").unlink()
    assert summary(root) == [("warning", "duplicate", "train/B", ("drums",))]
