import math
import weakref
from dataclasses import dataclass, field

import pytest
import torch

from bsroformer.errors import InputError
from bsroformer.evaluation import evaluate
from bsroformer.metrics import LIMIT_DB, bss_eval_available, framewise_sdr, sdr, si_sdr

RATE = 1000
STEMS = ("drums", "bass", "vocals")
needs_museval = pytest.mark.skipif(not bss_eval_available(), reason="museval needs FFmpeg on the PATH")


@dataclass
class Song:
    """A track in memory."""

    audio: torch.Tensor  # n c t
    name: str = "Song"
    stems: tuple = STEMS
    sample_rate: int = RATE
    given_mixture: torch.Tensor | None = field(default=None)

    def mixture(self):
        return self.audio.sum(dim=0) if self.given_mixture is None else self.given_mixture

    def all_stems(self):
        return self.audio.clone()


def make_song(seed, seconds=3.0, stems=STEMS):
    generator = torch.Generator().manual_seed(seed)
    return Song(torch.randn(len(stems), 2, int(seconds * RATE), generator=generator), f"Song {seed}", stems)


def leaky(song, leak=0.1):
    """An estimator that knows this song: its stems, each with some of the mixture."""
    return lambda mixture: song.all_stems() + leak * mixture


def test_scores_are_those_of_the_metrics():
    song = make_song(0)
    mixture, targets = song.mixture(), song.all_stems()
    estimates = leaky(song)(mixture)
    (scored,) = evaluate(leaky(song), [song], STEMS, RATE).songs
    for n, stem in enumerate(STEMS):
        improvement = si_sdr(estimates[n], targets[n]) - si_sdr(mixture, targets[n])
        assert scored.scores[stem] == {
            "SI-SDR": pytest.approx(si_sdr(estimates[n], targets[n]).item()),
            "SI-SDRi": pytest.approx(improvement.item()),
            "uSDR": pytest.approx(sdr(estimates[n], targets[n]).item()),
            "cSDR": pytest.approx(framewise_sdr(estimates, targets, RATE)[n].median().item()),
        }
    assert (scored.song, scored.seconds, scored.frames, scored.undefined_frames) == ("Song 0", 3.0, 3, 0)


def test_the_mixture_as_every_estimate_scores_the_baseline_and_improves_nothing():
    songs = [make_song(0), make_song(1)]
    evaluation = evaluate(lambda mixture: mixture.expand(3, 2, -1), songs, STEMS, RATE)
    assert evaluation.scores == evaluation.mixture
    assert all(stem["SI-SDRi"] == 0 for stem in evaluation.scores.values())


def test_a_perfect_separator_scores_finite_numbers_in_every_metric():
    song = make_song(0)
    scores = evaluate(lambda mixture: song.all_stems(), [song], STEMS, RATE).scores["vocals"]
    assert scores["cSDR"] == LIMIT_DB
    assert all(math.isfinite(value) and value > 90 for value in scores.values())


def test_more_leakage_scores_lower():
    song = make_song(0)
    better, worse = (evaluate(leaky(song, leak), [song], STEMS, RATE).scores for leak in (0.1, 0.2))
    assert all(better[stem][metric] > worse[stem][metric] for stem in STEMS for metric in better[stem])


def test_stems_of_a_song_are_matched_by_name():
    song = make_song(0, stems=("vocals", "other", "bass"))
    separate = lambda mixture: song.all_stems()[[2, 0]] + 0.1 * mixture  # noqa: E731
    evaluation = evaluate(separate, [song], ("bass", "vocals"), RATE)
    assert all(evaluation.scores[stem]["SI-SDR"] > 10 for stem in ("bass", "vocals"))


def test_a_silent_stem_has_no_score_and_takes_no_other_with_it():
    song, full = make_song(0), make_song(0)
    song.audio[1] = 0
    full.audio = full.audio[[0, 2]]
    full.stems = ("drums", "vocals")
    evaluation = evaluate(leaky(song), [song], STEMS, RATE)
    assert all(math.isnan(value) for value in evaluation.scores["bass"].values())
    assert all(math.isnan(value) for value in evaluation.mixture["bass"].values())
    assert evaluation.undefined["bass"] == {"SI-SDR": 1, "SI-SDRi": 1, "uSDR": 1, "cSDR": 1}
    alone = evaluate(leaky(full), [full], full.stems, RATE)
    for stem in full.stems:
        assert evaluation.scores[stem] == pytest.approx(alone.scores[stem], abs=1e-4)


def test_frames_with_a_silent_stem_are_left_out_of_csdr_and_counted():
    song = make_song(0)
    song.audio[1, :, :RATE] = 0
    (scored,) = evaluate(leaky(song), [song], STEMS, RATE).songs
    assert (scored.frames, scored.undefined_frames) == (3, 1)
    assert all(math.isfinite(scored.scores[stem]["cSDR"]) for stem in STEMS)


def test_a_song_of_silence_is_undefined_but_not_an_error():
    song = Song(torch.zeros(3, 2, 2 * RATE))
    evaluation = evaluate(lambda mixture: mixture.expand(3, 2, -1), [song], STEMS, RATE)
    assert evaluation.undefined["drums"] == {"SI-SDR": 1, "SI-SDRi": 1, "uSDR": 1, "cSDR": 1}
    assert evaluation.songs[0].undefined_frames == 2


def test_a_mixture_longer_than_its_stems_is_cut():
    song = make_song(0)
    song.given_mixture = torch.nn.functional.pad(song.audio.sum(dim=0), (0, 7))
    (scored,) = evaluate(leaky(song), [song], STEMS, RATE).songs
    assert scored.seconds == 3.0


def test_only_the_metrics_asked_for_are_reported():
    song = make_song(0)
    evaluation = evaluate(leaky(song), [song], STEMS, RATE, metrics=("uSDR", "SI-SDRi"))
    assert evaluation.metrics == ("uSDR", "SI-SDRi")
    assert list(evaluation.scores["bass"]) == list(evaluation.mixture["bass"]) == ["uSDR", "SI-SDRi"]


def test_the_hook_sees_every_song_with_its_estimates_and_scores():
    songs, seen = [make_song(0), make_song(1)], []
    evaluation = evaluate(
        lambda mixture: mixture.expand(3, 2, -1),
        songs,
        STEMS,
        RATE,
        on_song=lambda *seen_now: seen.append(seen_now),
    )
    assert [track for track, _, _ in seen] == songs
    assert tuple(scores for _, _, scores in seen) == evaluation.songs
    assert all(torch.equal(estimates[0], track.mixture()) for track, estimates, _ in seen)


def test_one_song_is_in_memory_at_a_time():
    alive = []

    def separate(mixture):
        assert not any(reference() is not None for reference in alive)
        estimates = mixture.expand(3, 2, -1).clone()
        alive.extend([weakref.ref(mixture), weakref.ref(estimates)])
        return estimates

    evaluate(separate, (make_song(seed) for seed in range(3)), STEMS, RATE)
    assert len(alive) == 6


@needs_museval
def test_bss_eval_adds_sir_sar_and_isr_but_not_to_the_mixture():
    song = make_song(0, seconds=2)
    song.audio[1] = 0
    evaluation = evaluate(leaky(song), [song], STEMS, RATE, bss_eval=True)
    assert evaluation.metrics == ("SI-SDR", "SI-SDRi", "uSDR", "cSDR", "SIR", "SAR", "ISR")
    assert all(math.isfinite(value) for value in evaluation.scores["drums"].values())
    assert all(math.isnan(value) for value in evaluation.scores["bass"].values())
    assert "SIR" not in evaluation.mixture["drums"]


@needs_museval
def test_bss_eval_of_a_song_with_one_audible_stem_is_undefined():
    song = make_song(0, seconds=1)
    song.audio[1:] = 0
    scores = evaluate(leaky(song), [song], STEMS, RATE, bss_eval=True).scores["drums"]
    assert math.isnan(scores["SIR"])
    assert math.isfinite(scores["cSDR"])


def test_bss_eval_that_cannot_run_is_refused_before_any_separation(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(InputError, match="FFmpeg"):
        evaluate(lambda mixture: pytest.fail("separated"), [make_song(0)], STEMS, RATE, bss_eval=True)


@needs_museval
def test_bss_eval_of_a_single_stem_is_refused():
    with pytest.raises(InputError, match="two stems or more"):
        evaluate(leaky(make_song(0)), [make_song(0)], ("vocals",), RATE, bss_eval=True)


@pytest.mark.parametrize(
    ("separate", "message"),
    [
        (lambda mixture: mixture.expand(2, 2, -1), "have shape"),
        (lambda mixture: mixture[..., 1:].expand(3, 2, -1), "have shape"),
        (lambda mixture: mixture.expand(3, 2, -1) * math.nan, "NaN or infinity"),
    ],
    ids=["a stem too few", "too short", "nan"],
)
def test_unusable_estimates_are_refused_by_the_songs_name(separate, message):
    with pytest.raises(InputError, match=f"'Song 5'.*{message}"):
        evaluate(separate, [make_song(5)], STEMS, RATE)


def test_a_song_that_lacks_a_stem_or_has_another_rate_is_refused():
    song = make_song(0, stems=("drums", "bass"))
    with pytest.raises(InputError, match=r"'Song 0' has the stems drums, bass but .* vocals"):
        evaluate(leaky(song), [song], STEMS, RATE)
    with pytest.raises(InputError, match="has 1000 Hz but the separator 8000"):
        evaluate(leaky(song), [song], ("drums",), 8000)


def test_no_song_and_unknown_metrics_are_refused():
    with pytest.raises(InputError, match="no song"):
        evaluate(leaky(make_song(0)), [], STEMS, RATE)
    with pytest.raises(InputError, match="metrics names SDR: choose from SI-SDR"):
        evaluate(leaky(make_song(0)), [make_song(0)], STEMS, RATE, metrics=("SDR",))
    with pytest.raises(InputError, match="metrics names nothing"):
        evaluate(leaky(make_song(0)), [make_song(0)], STEMS, RATE, metrics=())
