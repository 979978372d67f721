import numpy as np
import pytest
import soundfile
from damaged_songs import FORM, RATE, change, examined, findings, summary

from bsroformer.data.layouts import find_files
from bsroformer.data.splits import open_tracks
from bsroformer.errors import InputError


def alter(root, stem, changed, song="train/A", subtype="PCM_16"):
    """Change a stem and delete the mixture, which would no longer be the sum."""
    change(root / song / f"{stem}.wav", changed, subtype=subtype)
    (root / song / "mixture.wav").unlink()


def test_a_silent_stem_is_reported(root):
    alter(root, "drums", lambda audio: 0 * audio)
    assert summary(root) == [("warning", "silent", "train/A", ("drums",))]
    assert findings(root)[0].found == "digital silence"


def test_dither_is_silence(root):
    dither = np.random.default_rng(0).integers(-1, 2, (3 * RATE, 2)) / 2**15
    alter(root, "drums", lambda _: dither)
    assert summary(root) == [("warning", "silent", "train/A", ("drums",))]


def test_a_silent_mixture_is_reported_once(root):
    change(root / "test" / "T" / "mixture.wav", lambda audio: 0 * audio)
    assert summary(root) == [("warning", "silent", "test/T", ("mixture",))]


def test_a_mostly_silent_stem_is_reported_with_its_share(root):
    alter(root, "drums", lambda audio: np.where(np.arange(len(audio))[:, None] < 0.95 * len(audio), 0, audio))
    assert summary(root) == [("remark", "mostly silent", "train/A", ("drums",))]
    assert findings(root)[0].found == "silent in 95 % of the song"


def test_runs_at_full_scale_are_clipping_and_the_first_is_named(root):
    def clip(audio):
        audio[8000:8200:20] = 0.9
        for begin in range(12_000, 24_000, 800):
            audio[begin : begin + 5, 0] = 1.0
        return audio

    alter(root, "drums", clip)
    assert summary(root) == [("warning", "clipped", "train/A", ("drums",))]
    assert findings(root)[0].found == "15 runs at full scale, the first at 1.500 s, the longest 5 samples"


def test_a_few_clipped_runs_are_but_a_remark(root):
    def clip(audio):
        audio[12_000:12_005] = -1.0
        return audio

    alter(root, "drums", clip)
    assert summary(root) == [("remark", "clipped", "train/A", ("drums",))]


def test_single_peaks_at_full_scale_are_not_clipped(root):
    def peaks(audio):
        audio[::400] = 1.0
        audio[200::400] = -1.0
        return audio

    alter(root, "drums", peaks)
    alter(
        root,
        "vocals",
        lambda audio: np.sin(2 * np.pi * 60 / RATE * np.arange(len(audio)))[:, None] + 0 * audio,
        "train/B",
    )
    assert summary(root) == []


def test_a_clipped_run_across_chunks_is_one(root):
    def clip(audio):
        audio[8_000:20_000, 1] = 1.0
        return audio

    alter(root, "drums", clip)
    clipped = next(song for song in examined(root) if song.song.name == "A").stems["drums"].clipped
    assert (clipped.runs, clipped.first, clipped.longest) == (1, 8_000, 12_000)


def test_floats_beyond_full_scale_are_not_clipped(root):
    alter(root, "drums", lambda audio: 4 * audio, subtype="FLOAT")
    assert summary(root) == [("remark", "beyond full scale", "train/A", ("drums",))]


def test_an_offset_is_reported_in_decibels(root):
    alter(root, "drums", lambda audio: audio - audio.mean(0) + 0.05)
    assert summary(root) == [("warning", "DC offset", "train/A", ("drums",))]
    assert findings(root)[0].found == "mean of -26.0 dBFS"


def test_non_finite_samples_are_counted_and_the_first_is_named(root):
    def spoil(audio):
        audio[4_000, 0], audio[16_000, 1] = np.nan, np.inf
        return audio

    alter(root, "drums", spoil, subtype="FLOAT")
    assert summary(root) == [("error", "non-finite", "train/A", ("drums",))]
    assert findings(root)[0].found == "2 NaN or infinite samples, the first at 0.500 s"
    [track] = [track for track in open_tracks(find_files(root, FORM.stems), FORM).train if track.name == "A"]
    with pytest.raises(InputError, match="NaN or infinite"):
        track.stem("drums", start=3_000, frames=2_000)


def test_a_mixture_that_training_does_not_read_may_hold_nan(root):
    change(root / "train" / "A" / "mixture.wav", lambda audio: audio * np.nan, subtype="FLOAT")
    assert ("error", "non-finite") not in [(severity, kind) for severity, kind, *_ in summary(root)]
    change(root / "test" / "T" / "mixture.wav", lambda audio: audio * np.nan, subtype="FLOAT")
    assert ("error", "non-finite", "test/T", ("mixture",)) in summary(root)


@pytest.mark.parametrize(("gain", "severity"), [(0.9995, None), (0.9, "remark"), (0.5, "warning")])
def test_a_mixture_is_held_against_the_sum_of_its_stems(root, gain, severity):
    change(root / "train" / "A" / "mixture.wav", lambda audio: gain * audio)
    expected = [(severity, "mixture residual", "train/A", ("mixture",))] if severity else []
    assert summary(root) == expected


def test_a_residual_in_one_channel_is_reported_with_the_channel(root):
    change(root / "test" / "T" / "mixture.wav", lambda audio: audio * [0.4, 1.0])
    assert findings(root)[0].found == "mixture - sum of stems is +3.5 dB relative to the mixture in the left channel"


def test_a_lossy_mixture_may_differ_by_the_loss_of_its_codec(root):
    song = root / "train" / "A"
    for path in song.iterdir():  # low tones, which a coder keeps
        change(path, lambda audio: np.apply_along_axis(np.convolve, 0, audio, np.hanning(12) / 4, "same"))
    audio, _ = soundfile.read(song / "mixture.wav")
    (song / "mixture.wav").unlink()
    soundfile.write(song / "mixture.ogg", audio, RATE)
    residual = next(facts for facts in examined(root) if facts.song.name == "A").residual_db
    assert -40 < max(residual) < -12
    assert summary(root) == []


def test_two_equal_channels_are_accepted(root):
    alter(root, "drums", lambda audio: audio[:, :1] + 0 * audio)
    assert summary(root) == []
