"""Scoring of songs compared with museval's own call.

Both score one song after another: the SDR alone, and all of BSS Eval v4.
"""

from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import median

import torch
from torch import Tensor

from benchmarks.comparison import Comparison, machine
from benchmarks.measure import memory_growth, seconds_in_turn
from bsroformer.errors import InputError
from bsroformer.kinds import Channels, Count, SampleRate, Seconds
from bsroformer.metrics import bss_eval, bss_eval_available, framewise_sdr

Song = tuple[Tensor, Tensor]
"""Estimates and targets, (n c t)."""
METRICS = ("SDR", "ISR", "SIR", "SAR")


@dataclass(frozen=True)
class Evaluation:
    """Measure time and memory of scoring songs of noise.

    Attributes:
        songs: Number of songs.
        stems: Number of stems of each song.
        seconds: Length of each song.
        sample_rate: Sample rate, Hz.
        channels: Channels of each song.
        repeats: Rounds that are timed, each way once in each.
    """

    songs: Count
    stems: Count
    seconds: Seconds
    sample_rate: SampleRate
    channels: Channels
    repeats: Count

    def run(self) -> Comparison:
        """Measure time and memory of both methods.

        Raises:
            InputError: If a setting is out of range, or museval is not installed.
            AssertionError: If the scores of the two methods differ.
        """
        if min(self.repeats, self.songs) < 1 or self.seconds < 1:
            raise InputError(
                f"repeats={self.repeats}, songs={self.songs} and seconds={self.seconds} measure nothing; give 1 or more"
            )
        if not bss_eval_available():
            raise InputError("what=evaluation compares with museval, which needs FFmpeg on the PATH; install both.")
        songs = [noise_song(self, seed) for seed in range(self.songs)]
        self._assert_equal(songs[0])
        calls = [lambda score=score: [score(*song, self.sample_rate) for song in songs] for score in WAYS]
        rounds = seconds_in_turn(calls, self.repeats, torch.device("cpu"))
        minutes = self.songs * self.seconds / 60
        sdr, full, museval = (median(times) / minutes for times in zip(*rounds, strict=True))
        peaks = [growth(score, self) / 1e6 for score in (bss_eval, by_museval)]
        names = "seconds_per_minute_of_audio_SDR", "seconds_per_minute_of_audio_BSS_Eval", "peak_memory_mb"
        ways = {
            "bsroformer": dict(zip(names, (sdr, full, peaks[0]), strict=True)),
            "museval": dict(zip(names, (museval, museval, peaks[1]), strict=True)),
        }
        ratios = dict(
            zip(
                ("SDR", "BSS_Eval", "peak_memory"),
                (
                    median(late / early for early, _, late in rounds),
                    median(late / early for _, early, late in rounds),
                    peaks[1] / peaks[0],
                ),
                strict=True,
            )
        )
        conditions = {
            "songs": self.songs,
            "stems": self.stems,
            "seconds": self.seconds,
            "repeats": self.repeats,
            **machine(torch.device("cpu")),
        }
        return Comparison("Scores of songs", conditions, ways, ratios)

    def _assert_equal(self, song: Song) -> None:
        full, theirs = bss_eval(*song, self.sample_rate), by_museval(*song, self.sample_rate)
        sdr = framewise_sdr(*song, self.sample_rate)
        for name in METRICS:
            torch.testing.assert_close(full[name], theirs[name], atol=1e-6, rtol=0, equal_nan=True)
        torch.testing.assert_close(sdr, theirs["SDR"], atol=1e-6, rtol=0, equal_nan=True)


def by_museval(estimates: Tensor, targets: Tensor, sample_rate: int) -> dict[str, Tensor]:
    """Score a song as museval's users do."""
    import museval

    arrays = (stems.mT.double().numpy() for stems in (targets, estimates))
    scores = museval.evaluate(*arrays, win=sample_rate, hop=sample_rate)
    return {name: torch.from_numpy(db) for name, db in zip(METRICS, scores, strict=True)}


WAYS: tuple[Callable[..., object], ...] = (framewise_sdr, bss_eval, by_museval)


def noise_song(benchmark: Evaluation, seed: int) -> Song:
    """Make a song: stems of white noise, and their estimates.

    An estimate has a tenth of another stem and some noise of its own.
    """
    generator = torch.Generator().manual_seed(seed)
    shape = benchmark.stems, benchmark.channels, round(benchmark.seconds * benchmark.sample_rate)
    targets = torch.randn(shape, generator=generator)
    return targets + 0.1 * targets.roll(1, 0) + 0.1 * torch.randn(shape, generator=generator), targets


def growth(score: Callable[..., object], benchmark: Evaluation) -> float:
    """Measure the bytes that scoring takes in a new process besides the song."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_growth, (score, benchmark))


def _growth(score: Callable[..., object], benchmark: Evaluation) -> float:
    import museval  # noqa: F401  # so that it is not weighed

    return memory_growth(score, *noise_song(benchmark, 0), benchmark.sample_rate)
