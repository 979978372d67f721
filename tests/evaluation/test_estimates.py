import os
import unicodedata
from pathlib import Path

import pytest
import soundfile
import torch

from bsroformer.audio.files import write
from bsroformer.audio.formats import FORMATS
from bsroformer.errors import InputError
from bsroformer.evaluation.estimates import EstimatesFolder
from bsroformer.evaluation.track_audio import TrackAudio, TrackEntry

RATE = 8000
NAME = "A Band - Ünder (Live) Vol. 2"
STEMS = ("vocals", "drums")
LENGTH = 4000


def song_with(
    name: str = NAME, split: str = "test", stems: tuple[str, ...] = STEMS, length: int = LENGTH
) -> TrackAudio:
    silence = torch.zeros(len(stems), 2, length)
    return TrackAudio(name, split, RATE, stems, silence[0], silence, silence)


def entry(name: str = NAME, split: str = "test", stems: tuple[str, ...] = ("bass", *STEMS)) -> TrackEntry:
    return TrackEntry(name, split, (), stems, RATE, open=lambda: None)


def folder_of(folder: Path, **names: str) -> EstimatesFolder:
    return EstimatesFolder("other program", folder, names or {stem: stem for stem in STEMS})


def write_stem(path: Path, level: float, length: int = LENGTH, rate: int = RATE, channels: int = 2) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, level * torch.ones(length, channels).numpy(), rate, subtype="FLOAT")


def write_stems(folder: Path, pattern: str = "{song}/{stem}.wav", song: str = NAME) -> None:
    for n, stem in enumerate(STEMS, start=1):
        write_stem(folder / pattern.format(song=song, stem=stem), n / 10)


def levels(estimates: torch.Tensor) -> list[float]:
    """The level of each stem, which is the same in all its samples."""
    assert estimates.shape == (len(STEMS), 2, LENGTH)
    assert torch.equal(estimates, estimates[:, :1, :1].expand_as(estimates))
    return [round(level, 4) for level in estimates[:, 0, 0].tolist()]


@pytest.mark.parametrize("below", ["", "test/", "TEST/"])
@pytest.mark.parametrize(
    "pattern",
    [
        "{song}/{stem}.wav",
        "{song}/mixture/{stem}.wav",
        "{song}/{stem}.WAV",
        "{song}_{stem}.wav",
        "{song} - {stem}.wav",
        "{song}_({stem}).wav",
        "{song}_({stem})_model_bs_roformer_ep_317_sdr_12.9755.wav",
        "1_{song}_({stem}).wav",
        "{song}/12_{song}_({stem}).wav",
        "{song}/{song}_{stem}.wav",
        "{song}/mixture_({stem})_model.wav",
    ],
)
@pytest.mark.parametrize("capitals", [str, str.upper, str.title, lambda text: unicodedata.normalize("NFD", text)])
def test_stems_of_other_programs_are_read(tmp_path, below, pattern, capitals):
    for n, stem in enumerate(STEMS, start=1):
        write_stem(tmp_path / (below + pattern.format(song=capitals(NAME), stem=capitals(stem))), n / 10)
        write_stem(tmp_path / (below + pattern.format(song="A Band", stem=stem)), 0.9)  # whose name begins alike
    method = folder_of(tmp_path)
    assert levels(method.estimate(song_with())) == [0.1, 0.2]
    assert EstimatesFolder.stems_in(tmp_path, [entry()]) == tuple(sorted(STEMS))


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_all_kinds_of_files_are_read(tmp_path, form):
    tone = 0.3 * torch.sin(torch.arange(RATE) / 5).expand(2, -1)
    song = song_with(stems=("vocals",), length=RATE)
    write(tmp_path / NAME / f"vocals.{form}", tone, RATE, FORMATS[form].subtypes[0])
    estimate = folder_of(tmp_path).estimate(song)[0]
    assert (estimate - tone).square().mean() < 0.02 * tone.square().mean()


def test_songs_of_the_valid_split_are_read_from_train(tmp_path):
    write_stems(tmp_path / "train")
    assert levels(folder_of(tmp_path).estimate(song_with(split="valid"))) == [0.1, 0.2]
    with pytest.raises(InputError, match=r"lacks the vocals"):
        folder_of(tmp_path).estimate(song_with(split="test"))


def test_the_stems_come_in_the_order_of_the_song(tmp_path):
    write_stems(tmp_path)
    assert levels(folder_of(tmp_path).estimate(song_with(stems=STEMS[::-1]))) == [0.2, 0.1]


@pytest.mark.parametrize("length", [1, LENGTH - 801, LENGTH - 800, LENGTH + 800, LENGTH + 801, 3 * LENGTH])
def test_an_estimate_is_cut_or_padded_to_its_song_with_a_warning(tmp_path, recwarn, length):
    write_stems(tmp_path)
    write_stem(tmp_path / NAME / "drums.wav", 0.2, length)
    estimate = folder_of(tmp_path).estimate(song_with())[1]
    assert estimate.shape == (2, LENGTH)
    assert (estimate[:, :length] == 0.2).all()
    assert not estimate[:, length:].any()
    warned = [str(warning.message) for warning in recwarn if "drums.wav is over 0.1 s" in str(warning.message)]
    assert bool(warned) == (abs(length - LENGTH) > 0.1 * RATE) == bool(recwarn)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"rate": 16_000}, r"drums\.wav has 16000 Hz but 'A Band .*' 8000 Hz; resample"),
        ({"channels": 1}, r"drums\.wav has 1 channel but 'A Band .*' 2; separate"),
        ({"level": float("nan")}, r"drums\.wav holds NaN or infinite values"),
        ({"level": float("inf")}, r"drums\.wav holds NaN or infinite values"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_by_name(tmp_path, wrong, message):
    write_stems(tmp_path)
    write_stem(tmp_path / NAME / "drums.wav", **{"level": 0.2, **wrong})
    with pytest.raises(InputError, match=message):
        folder_of(tmp_path).estimate(song_with())


def test_a_missing_stem_is_named_with_song_and_folder(tmp_path):
    write_stems(tmp_path)
    (tmp_path / NAME / "drums.wav").unlink()
    method = folder_of(tmp_path)
    with pytest.raises(InputError, match=rf"{tmp_path} lacks the drums of 'A Band - .*'; add .*drums\.wav"):
        method.estimate(song_with())
    assert EstimatesFolder.stems_in(tmp_path, [entry()]) == ("vocals",)


def test_two_files_of_a_stem_are_refused(tmp_path):
    write_stems(tmp_path)
    write_stem(tmp_path / NAME / "mixture" / "Vocals.wav", 0.3)
    with pytest.raises(InputError, match=r"vocals\.wav and .*Vocals\.wav are both the vocals of .*; remove one"):
        folder_of(tmp_path).estimate(song_with())


def test_a_folder_that_is_missing_or_of_other_songs_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"nowhere must be a folder; name the one"):
        EstimatesFolder.stems_in(tmp_path / "nowhere", [entry()])
    write_stems(tmp_path)
    with pytest.raises(InputError, match=r"has no stems of 4 songs, A, B, C and 1 more; name its files"):
        EstimatesFolder.stems_in(tmp_path, [entry(name) for name in "ABCD"])


def test_stems_of_a_single_song_count(tmp_path):
    write_stem(tmp_path / "A" / "Vocals.wav", 0.1)
    write_stem(tmp_path / "A" / "mixture.wav", 0.1)
    write_stem(tmp_path / "B_no_vocals.wav", 0.1)
    write_stem(tmp_path / "C_drums.wav", 0.1)
    assert EstimatesFolder.stems_in(tmp_path, [entry("A"), entry("B")]) == ("no_vocals", "vocals")


@pytest.mark.parametrize("pattern", ["{song}_{stem}.wav", "{song} - {stem}.wav", "{song}_({stem}).wav"])
@pytest.mark.parametrize("longer", ["Song_Live", "Song - Live", "Song Live"])
def test_a_song_has_no_stems_of_a_song_with_a_longer_name(tmp_path, pattern, longer):
    for song in ("Song", longer):
        write_stems(tmp_path, pattern, song)
    assert EstimatesFolder.stems_in(tmp_path, [entry("Song")]) == tuple(sorted(STEMS))


def test_a_stem_is_read_by_the_programs_name(tmp_path):
    write_stem(tmp_path / NAME / "vocals.wav", 0.1)
    write_stem(tmp_path / f"{NAME}_(Instrumental).wav", 0.2)
    method = folder_of(tmp_path, vocals="vocals", accompaniment="instrumental")
    assert levels(method.estimate(song_with(stems=("vocals", "accompaniment")))) == [0.1, 0.2]


def test_the_mark_of_a_song_changes_with_its_files_only(tmp_path):
    write_stems(tmp_path)
    write_stems(tmp_path, song="Another")
    method = folder_of(tmp_path)
    mark = method.cache_key(entry())
    write_stem(tmp_path / "Another" / "drums.wav", 0.5)
    write_stem(tmp_path / NAME / "bass.wav", 0.5)
    assert method.cache_key(entry()) == mark
    drums = tmp_path / NAME / "drums.wav"
    os.utime(drums, ns=(0, 0))
    touched = method.cache_key(entry())
    drums.unlink()
    assert len({mark, touched, method.cache_key(entry()), method.cache_key(entry("Another"))}) == 4
    assert (method.kind, method.device_bound) == ("estimates", False)


def test_a_file_separated_twice_is_no_stem_of_the_song(tmp_path):
    write_stems(tmp_path, "{song}_({stem})_model.wav")
    write_stem(tmp_path / f"{NAME}_(Vocals)_model_(Reverb)_another.wav", 0.9)
    assert levels(folder_of(tmp_path).estimate(song_with())) == [0.1, 0.2]
    assert EstimatesFolder.stems_in(tmp_path, [entry()]) == tuple(sorted(STEMS))


def test_a_number_before_a_name_may_belong_to_the_song(tmp_path):
    write_stems(tmp_path, song="99_Problems")
    write_stems(tmp_path, "{song}_({stem}).wav", song="99_Bottles")
    for song in ("99_Problems", "99_Bottles", "Bottles"):
        assert levels(folder_of(tmp_path).estimate(song_with(song))) == [0.1, 0.2]


def test_a_constant_delay_is_reported_and_not_removed(tmp_path):
    tone = torch.randn(2, 2, LENGTH, generator=torch.Generator().manual_seed(0))
    for stem, samples in zip(STEMS, tone, strict=True):
        write(tmp_path / NAME / f"{stem}.wav", samples.roll(100, -1), RATE, "FLOAT")
    song = TrackAudio(NAME, "test", RATE, STEMS, tone.sum(0), tone, tone)
    with pytest.warns(UserWarning, match=r"all stems of .* are 100 samples \(12\.5 ms\) late, .*; shift the files"):
        estimates = folder_of(tmp_path).estimate(song)
    assert torch.equal(estimates, tone.roll(100, -1))
