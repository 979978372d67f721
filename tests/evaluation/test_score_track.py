import math

import pytest
import torch

from bsroformer.errors import InputError
from bsroformer.evaluation import read_track
from bsroformer.evaluation.score_track import score_track
from bsroformer.metrics import LIMIT_DB, bss_eval, bss_eval_available, framewise_sdr, sdr, si_sdr
from support.rehearsal import RATE, STEMS, make_song

needs_museval = pytest.mark.skipif(not bss_eval_available(), reason="museval needs FFmpeg on the PATH")


def heard(song, stems=STEMS):
    return read_track(song, stems, RATE)


def leaky(song, leak=0.1):
    return song.audio + leak * song.audio.sum(dim=0)


def test_scores_are_those_of_the_metrics():
    song = make_song(0)
    estimates, mixture = leaky(song), song.audio.sum(dim=0)
    scored = score_track(heard(song), estimates)
    frames = framewise_sdr(estimates, song.audio, RATE)
    for n, stem in enumerate(STEMS):
        improvement = si_sdr(estimates[n], song.audio[n]) - si_sdr(mixture, song.audio[n])
        assert scored.scores(("SI-SDR", "SI-SDRi", "uSDR", "cSDR"))[stem] == {
            "SI-SDR": pytest.approx(si_sdr(estimates[n], song.audio[n]).item()),
            "SI-SDRi": pytest.approx(improvement.item()),
            "uSDR": pytest.approx(sdr(estimates[n], song.audio[n]).item()),
            "cSDR": pytest.approx(frames[n].median().item()),
        }
        assert scored.frames[stem]["SDR"] == pytest.approx(frames[n].tolist())
    assert (scored.song, scored.seconds, scored.seconds_scored, scored.seconds_undefined) == ("Song 0", 3.0, 3, 0)


def test_the_mixture_improves_nothing():
    song = make_song(0)
    scored = score_track(heard(song), song.audio.sum(dim=0).expand_as(song.audio))
    assert all(scored.score(stem, "SI-SDRi") == 0 for stem in STEMS)


def test_a_perfect_estimate_scores_finite_numbers():
    song = make_song(0)
    scores = score_track(heard(song), song.audio).scores(("cSDR", "uSDR", "SI-SDR"))["drums"]
    assert scores["cSDR"] == LIMIT_DB
    assert all(math.isfinite(value) and value > 80 for value in scores.values())


def test_more_leakage_scores_lower_in_every_metric():
    song = make_song(0)
    better, worse = (score_track(heard(song), leaky(song, leak)) for leak in (0.1, 0.2))
    metrics = ("cSDR", "uSDR", "SI-SDR", "SI-SDRi")
    assert all(better.score(stem, metric) > worse.score(stem, metric) for stem in STEMS for metric in metrics)


def test_a_silent_stem_has_no_score_and_takes_no_other_with_it():
    song, full = make_song(0), make_song(0)
    song.audio[1] = 0
    full.audio, full.stems = full.audio[[0, 2]], ("vocals", "bass")
    scored = score_track(heard(song), leaky(song))
    metrics = ("cSDR", "uSDR", "SI-SDR", "SI-SDRi")
    assert all(math.isnan(value) for value in scored.scores(metrics)["drums"].values())
    alone = score_track(heard(full, full.stems), leaky(full))
    for stem in full.stems:
        assert scored.scores(metrics)[stem] == pytest.approx(alone.scores(metrics)[stem], abs=1e-4)
    assert scored.seconds_undefined == 0


def test_seconds_with_a_silent_stem_are_undefined_and_counted():
    song = make_song(0)
    song.audio[1, :, :RATE] = 0
    scored = score_track(heard(song), leaky(song))
    assert (scored.seconds_scored, scored.seconds_undefined) == (3, 1)
    assert all(math.isfinite(scored.score(stem, "cSDR")) for stem in STEMS)


def test_a_silent_estimate_makes_its_seconds_undefined_for_all():
    song = make_song(0)
    estimates = leaky(song)
    estimates[2, :, RATE:] = 0
    scored = score_track(heard(song), estimates)
    assert scored.seconds_undefined == 2
    assert scored.score("bass", "SI-SDR") < scored.score("drums", "SI-SDR")


def test_a_song_of_silence_is_undefined_but_not_an_error():
    song = make_song(0, seconds=2.0)
    song.audio[:] = 0
    scored = score_track(heard(song), song.audio)
    assert all(math.isnan(value) for of in scored.scores(("cSDR", "uSDR", "SI-SDR")).values() for value in of.values())
    assert scored.seconds_undefined == 2


@needs_museval
def test_bss_eval_gives_the_seconds_of_museval():
    song = make_song(0, seconds=2.0)
    scored = score_track(heard(song), leaky(song), bss_eval)
    expected = bss_eval(leaky(song), song.audio, RATE)
    for n, stem in enumerate(STEMS):
        assert scored.frames[stem] == {name: pytest.approx(db[n].tolist()) for name, db in expected.items()}


@needs_museval
def test_bss_eval_ignores_silent_stems_and_needs_two_others():
    song = make_song(0, seconds=2.0)
    song.audio[1] = 0
    scored = score_track(heard(song), leaky(song), bss_eval)
    assert math.isfinite(scored.score("vocals", "SIR"))
    assert math.isnan(scored.score("drums", "SIR"))
    song.audio[2] = 0
    scored = score_track(heard(song), leaky(song), bss_eval)
    assert math.isnan(scored.score("vocals", "SIR"))
    assert math.isfinite(scored.score("vocals", "cSDR"))


def test_infinite_ratios_of_museval_are_limited_or_undefined():
    song = make_song(0, seconds=2.0)
    found = {name: torch.tensor([[torch.inf, 7.0]] * 3).double() for name in ("SDR", "SIR", "SAR", "ISR")}
    found["SAR"][:, 1] = 230.0
    frames = score_track(heard(song), song.audio, lambda *_: found).frames["drums"]
    assert frames["SDR"] == (LIMIT_DB, 7.0)
    assert math.isnan(frames["SIR"][0])
    assert frames["SAR"][1] == 230.0


def test_estimates_of_another_shape_are_refused_by_name():
    song = make_song(5)
    for estimates in (song.audio[:2], song.audio[..., 1:]):
        with pytest.raises(InputError, match=r"estimates of Song 5 have shape .* but its stems \(3, 2, 3000\)"):
            score_track(heard(song), estimates)


def test_scores_read_back_as_they_were_written():
    song = make_song(0)
    song.audio[1] = 0
    scored = score_track(heard(song), leaky(song).double() + torch.pi / 1e3)
    again = type(scored).from_dict(scored.to_dict())
    assert repr(again) == repr(scored)
