import math
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context

import pytest
import torch

from bsroformer.errors import Cancelled, InputError
from bsroformer.hardware import largest_memory
from bsroformer.metrics import bss_eval, bss_eval_available, bss_eval_memory, framewise_sdr
from bsroformer.metrics.museval_in_threads import Threads

RATE = 1000
MODULE = sys.modules[bss_eval.__module__]
needs_museval = pytest.mark.skipif(not bss_eval_available(), reason="museval needs FFmpeg on the PATH")


def noisy_stems():
    generator = torch.Generator().manual_seed(1)
    targets = torch.randn(2, 2, 3 * RATE, generator=generator)
    return targets + 0.1 * targets.flip(0) + 0.01 * torch.randn(targets.shape, generator=generator), targets


@needs_museval
def test_its_sdr_is_the_framewise_sdr():
    estimates, targets = noisy_stems()
    scores = bss_eval(estimates, targets, RATE)
    torch.testing.assert_close(scores["SDR"], framewise_sdr(estimates, targets, RATE), atol=1e-6, rtol=0)


@needs_museval
def test_leakage_lowers_sir_and_noise_lowers_sar():
    _, targets = noisy_stems()
    noise = torch.randn(targets.shape, generator=torch.Generator().manual_seed(2))
    leaky = bss_eval(targets + 0.1 * targets.flip(0), targets, RATE)
    noisy = bss_eval(targets + 0.1 * noise, targets, RATE)
    assert set(leaky) == {"SDR", "SIR", "SAR", "ISR"}
    assert all(frames.shape == (2, 3) for frames in leaky.values())
    assert (leaky["SIR"] < 25).all()
    assert (leaky["SAR"] > 80).all()
    assert (noisy["SAR"] < 25).all()
    assert (noisy["SIR"] > leaky["SIR"]).all()


@needs_museval
@pytest.mark.parametrize("silent", ["target", "estimate"])
def test_a_silent_stem_makes_every_frame_undefined(silent):
    estimates, targets = noisy_stems()
    (targets if silent == "target" else estimates)[0] = 0
    scores = bss_eval(estimates, targets, RATE)
    assert all(frames.shape == (2, 3) and frames.isnan().all() for frames in scores.values())


@needs_museval
def test_a_single_stem_is_refused():
    estimates, targets = noisy_stems()
    with pytest.raises(InputError, match="two stems or more"):
        bss_eval(estimates[:1], targets[:1], RATE)


@pytest.mark.parametrize("missing", ["ffmpeg", "ffprobe"])
def test_without_ffmpeg_the_message_names_it(monkeypatch, missing):
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == missing else which(name))
    assert not bss_eval_available()
    with pytest.raises(InputError, match="FFmpeg"):
        bss_eval(*noisy_stems(), RATE)


def test_without_museval_it_is_not_available(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setitem(sys.modules, "museval", None)
    assert not bss_eval_available()


@needs_museval
@pytest.mark.parametrize("samples", [RATE - 200, RATE, 3 * RATE + 700])
@pytest.mark.parametrize(("stems", "channels"), [(3, 1), (2, 2)])
def test_it_equals_museval_called_directly(samples, stems, channels):
    import museval

    generator = torch.Generator().manual_seed(samples)
    targets = torch.randn(stems, channels, samples, generator=generator)
    estimates = targets + 0.1 * targets.roll(1, 0) + 0.05 * torch.randn(targets.shape, generator=generator)
    targets[0, :, : samples // 3] = 0
    ours = bss_eval(estimates, targets, RATE)
    theirs = museval.evaluate(*(stems.mT.double().numpy() for stems in (targets, estimates)), win=RATE, hop=RATE)
    for name, db in zip(("SDR", "ISR", "SIR", "SAR"), theirs, strict=True):
        torch.testing.assert_close(ours[name], torch.from_numpy(db), atol=1e-9, rtol=0, equal_nan=True)


@needs_museval
def test_equal_references_have_musevals_scores_too():
    import museval

    estimates, targets = noisy_stems()
    targets[1] = targets[0]  # the equations for the filters are singular
    theirs = museval.evaluate(*(stems.mT.double().numpy() for stems in (targets, estimates)), win=RATE, hop=RATE)
    ours = bss_eval(estimates, targets, RATE)
    for name, db in zip(("SDR", "ISR", "SIR", "SAR"), theirs, strict=True):
        torch.testing.assert_close(ours[name], torch.from_numpy(db), atol=1e-6, rtol=0)


@needs_museval
def test_threads_change_nothing_and_calls_at_once_neither():
    estimates, targets = noisy_stems()
    alone = bss_eval(estimates, targets, RATE, threads=1)
    with ThreadPoolExecutor(3) as pool:
        at_once = list(pool.map(lambda threads: bss_eval(estimates, targets, RATE, threads), (1, 2, 5)))
    for scores in at_once:
        assert all(torch.equal(scores[name], alone[name]) for name in alone)


@needs_museval
def test_a_cancelled_call_stops_and_the_next_one_completes():
    song = (*noisy_stems(), RATE)
    calls = []

    def cancelled_at(last):
        calls.clear()
        return lambda: calls.append("asked") or len(calls) == last

    alone = bss_eval(*song, cancelled=cancelled_at(math.inf))
    times = len(calls)
    # its turn; FFTs of 4 references; 10 correlations of these; 4 estimates' FFTs and 16 correlations; solutions; frames
    assert times == 1 + 4 + 10 + 4 + 16 + (2 + 2 + 1) + 3
    for last in (1, 2, 12, 30, times - 7, times - 1):
        with pytest.raises(Cancelled):
            bss_eval(*song, cancelled=cancelled_at(last))
        assert len(calls) == last
        assert not any(thread.name.startswith("bss_eval") for thread in threading.enumerate())
    scores = bss_eval(*song)
    assert all(torch.equal(scores[name], alone[name]) for name in alone)


@pytest.mark.parametrize("error", [Cancelled, MemoryError])
def test_waiting_parts_are_dropped_on_cancellation_or_failure(monkeypatch, error):
    shutdown, dropped, begun = ThreadPoolExecutor.shutdown, threading.Event(), []

    def drop_and_release(pool, wait=True, *, cancel_futures=False):
        shutdown(pool, wait=False, cancel_futures=cancel_futures)
        dropped.set()
        shutdown(pool, wait=wait)

    def part(number):
        begun.append(number)
        assert number == 0 or dropped.wait(60)

    monkeypatch.setattr(ThreadPoolExecutor, "shutdown", drop_and_release)
    with pytest.raises(error), Threads(1, lambda: error is Cancelled) as threads:
        results = threads.map(part, range(9))
        next(results)
        raise MemoryError
    assert begun in ([0], [0, 1])


@needs_museval
def test_short_memory_is_refused_before_anything_is_computed(monkeypatch):
    def evaluate(*_):
        raise AssertionError

    estimates, targets = noisy_stems()
    needed = bss_eval_memory(targets.shape, threads=1)
    whole = bss_eval(estimates, targets, RATE, threads=3)
    monkeypatch.setattr(MODULE, "available_memory", lambda: needed)
    enough = bss_eval(estimates, targets, RATE, threads=3)
    assert all(torch.equal(enough[name], whole[name]) for name in whole)

    monkeypatch.setattr(MODULE, "score_frames", evaluate)
    monkeypatch.setattr(MODULE, "available_memory", lambda: needed - 1)
    with pytest.raises(InputError, match=r"^BSS Eval of 3 s needs 0\.1 GB of memory, .* remove SIR, SAR and ISR"):
        bss_eval(estimates, targets, RATE, threads=3)
    with pytest.raises(Cancelled):
        bss_eval(estimates, targets, RATE, cancelled=lambda: True)


@needs_museval
def test_an_allocation_failure_is_reported(monkeypatch):
    def evaluate(*_):
        raise MemoryError

    monkeypatch.setattr(MODULE, "score_frames", evaluate)
    with pytest.raises(InputError, match=r"BSS Eval of 3 s needs .* GB"):
        bss_eval(*noisy_stems(), RATE)


def test_fewer_threads_are_taken_where_memory_is_short(monkeypatch):
    monkeypatch.setattr(MODULE, "processors", lambda: 4)
    song = torch.zeros(1).expand(4, 2, 240 * 44100)
    needed = [bss_eval_memory(song.shape, threads=threads) for threads in (1, 2, 3, 4)]
    assert needed == sorted(needed)
    for free, threads in ((math.inf, 4), (needed[3], 3), (needed[2], 2), (needed[0], 1), (0, 1)):
        monkeypatch.setattr(MODULE, "available_memory", lambda free=free: free)
        assert MODULE.threads_for(song) == threads


@needs_museval
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports it")
def test_the_memory_in_use_is_the_estimate():
    with get_context("spawn").Pool(1) as pool:
        growth = pool.apply(growth_of_bss_eval, (30 * 44100,))
    assert 0.5 < growth / bss_eval_memory((2, 1, 30 * 44100), threads=2) < 1.3


def growth_of_bss_eval(samples: int) -> float:
    """Bytes that a process grows by, once everything is imported."""
    bss_eval(*noisy_stems(), RATE)
    targets = torch.randn(2, 1, samples)
    estimates = targets + torch.randn(targets.shape)
    before = largest_memory()
    bss_eval(estimates, targets, 44100, threads=2)
    return largest_memory() - before
