from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.signal import istft, stft

from bsroformer.data.layouts import TrackFormat
from bsroformer.data.layouts.musdb18 import track_in_stem_mp4
from bsroformer.data.track import open_track
from bsroformer.errors import InputError
from bsroformer.evaluation.oracle import BLOCK, HOP, ORACLES, oracle, parts_of
from bsroformer.evaluation.track_audio import TrackAudio
from bsroformer.metrics import sdr, si_sdr

MUSDB_SONG = next((Path(find_spec("stempeg").origin).parent / "data").glob("*.stem.mp4"))
STEMS = ("vocals", "drums", "bass", "other")
NAMES = sorted(ORACLES)


def song_with(mixture: torch.Tensor, targets: torch.Tensor, sources: torch.Tensor) -> TrackAudio:
    return TrackAudio("Song", "test", 44_100, tuple("abcd"[: len(targets)]), mixture, targets, sources)


def song_of(sources: torch.Tensor) -> TrackAudio:
    return song_with(sources.sum(dim=0), sources, sources)


def noise(stems: int = 3, length: int = 5000) -> torch.Tensor:
    """Stems of which each sounds for a while only."""
    sources = 0.1 * torch.randn(stems, 2, length)
    for n, source in enumerate(sources):
        source[:, : n * length // 4] = 0
    return sources


def of_scipy(mixture: torch.Tensor, sources: torch.Tensor, exponent: int) -> torch.Tensor:
    """The formula of SiSEC's oracle in its own terms: scipy's transforms of the whole song in float64, with its eps."""
    spectrum = stft(mixture.double().numpy(), nperseg=2048)[-1]  # c f m
    powers = np.abs(stft(sources.double().numpy(), nperseg=2048)[-1]) ** exponent  # k c f m
    masks = powers / (np.finfo(float).eps + powers.sum(axis=0))
    return torch.from_numpy(istft(spectrum * masks)[1][..., : mixture.shape[-1]]).float()


@pytest.fixture(scope="module")
def musdb_song() -> TrackAudio:
    track = open_track(track_in_stem_mp4(MUSDB_SONG, "test"), TrackFormat(STEMS, 44_100, 2))
    return song_with(track.mixture(), track.all_stems(), track.all_stems())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("length", [2048, 2049, 5000, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 700])
def test_at_every_length_the_oracle_is_that_of_scipy(name, length):
    song = song_of(noise(length=length))
    estimates = ORACLES[name].estimate(song)
    assert estimates.shape == song.targets.shape
    torch.testing.assert_close(
        estimates, of_scipy(song.mixture, song.sources, ORACLES[name].exponent), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("name", NAMES)
def test_on_a_real_song_the_oracle_is_that_of_scipy(name, musdb_song):
    expected = of_scipy(musdb_song.mixture, musdb_song.sources, ORACLES[name].exponent)
    torch.testing.assert_close(ORACLES[name].estimate(musdb_song), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_on_a_real_song_every_stem_is_far_above_the_mixture(name, musdb_song):
    estimates, mixture = ORACLES[name].estimate(musdb_song), musdb_song.mixture.expand_as(musdb_song.targets)
    for metric in (sdr, si_sdr):
        assert (metric(estimates, musdb_song.targets) > metric(mixture, musdb_song.targets) + 5).all()


def test_a_song_in_blocks_is_the_song_at_once(monkeypatch):
    song = song_of(noise(length=20 * HOP + 77))
    whole = ORACLES["IRM1"].estimate(song)
    for hops in (1, 3, 7):
        monkeypatch.setattr("bsroformer.evaluation.oracle.BLOCK", hops * HOP)
        torch.testing.assert_close(ORACLES["IRM1"].estimate(song), whole, atol=1e-7, rtol=0)


@pytest.mark.parametrize("length", [1, 2, 1023, 1024, 1025, 5000])  # below 2048, scipy takes a shorter window
def test_the_estimates_of_all_sources_add_up_to_the_mixture(length):
    song = song_of(noise(length=length))
    torch.testing.assert_close(ORACLES["IRM2"].estimate(song).sum(dim=0), song.mixture, atol=1e-6, rtol=0)


def test_a_sum_of_sources_is_the_sum_of_their_estimates():
    sources = noise()
    song = song_of(sources)
    accompaniment = sources[1:].sum(dim=0)
    rounded = (accompaniment * 2**15).round() / 2**15  # as a file of 16 bits has it
    estimates = ORACLES["IRM1"].estimate(song)
    for target in (accompaniment, rounded):
        found = ORACLES["IRM1"].estimate(song_with(song.mixture, torch.stack([sources[0], target]), sources))
        torch.testing.assert_close(found, torch.stack([estimates[0], estimates[1:].sum(dim=0)]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_a_single_source_competes_with_the_other_mixture(name):
    sources = noise(2)
    song = song_with(sources.sum(dim=0), sources[:1], sources[:1])
    expected = of_scipy(song.mixture, sources, ORACLES[name].exponent)[:1]
    torch.testing.assert_close(ORACLES[name].estimate(song), expected, atol=1e-6, rtol=0)


def test_a_target_that_is_no_sum_competes_with_its_residual():
    sources = noise()
    song = song_with(sources.sum(dim=0), 0.5 * sources[:1], sources)
    both = torch.stack([0.5 * sources[0], song.mixture - 0.5 * sources[0]])
    expected = of_scipy(song.mixture, both, 1)[:1]
    torch.testing.assert_close(ORACLES["IRM1"].estimate(song), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_silence_gives_silence(name):
    silence = song_with(torch.zeros(2, 3000), torch.zeros(2, 2, 3000), torch.zeros(2, 2, 3000))
    assert torch.equal(ORACLES[name].estimate(silence), torch.zeros(2, 2, 3000))
    unexplained = song_with(torch.ones(2, 3000), torch.zeros(2, 2, 3000), torch.zeros(2, 2, 3000))
    assert torch.equal(ORACLES[name].estimate(unexplained), torch.zeros(2, 2, 3000))


def test_a_silent_stem_is_estimated_silent_beside_others():
    sources = noise()
    sources[1] = 0
    estimates = ORACLES["IRM1"].estimate(song_of(sources))
    assert not estimates[1].any()
    assert estimates.isfinite().all()


def test_the_channels_do_not_know_each_other():
    song = song_of(noise())
    left = song_with(song.mixture[:1], song.targets[:, :1], song.sources[:, :1])
    torch.testing.assert_close(ORACLES["IRM2"].estimate(song)[:, :1], ORACLES["IRM2"].estimate(left), atol=1e-7, rtol=0)


def test_the_sources_of_a_target_are_identified():
    sources = noise(4)
    assert parts_of(sources[2], sources).tolist() == [False, False, True, False]
    assert parts_of(sources[0] + sources[3], sources).tolist() == [True, False, False, True]
    assert parts_of(torch.zeros_like(sources[0]), sources).tolist() == [False] * 4
    assert parts_of(sources[0] - sources[3], sources) is None
    assert parts_of(sources[0], sources[:1]) is None
    alike = torch.stack([sources[0], sources[0], sources[1]])
    assert parts_of(sources[0], alike).tolist() == [True, False, False]


def test_oracles_differ_in_name_and_mark():
    assert [ORACLES[name].name for name in NAMES] == NAMES
    assert len({ORACLES[name].cache_key(None) for name in NAMES}) == len(NAMES)
    assert {(of.kind, of.device_bound) for of in ORACLES.values()} == {("oracle", False)}


def test_an_unknown_oracle_is_refused_with_the_known_ones():
    assert oracle("IRM1") is ORACLES["IRM1"]
    with pytest.raises(InputError, match=r"IBM1 must be the name of an oracle; choose from IRM1, IRM2"):
        oracle("IBM1")
