import os
from pathlib import Path

import pytest
import torch
import torch.distributed
import torch.multiprocessing
from torch import Tensor

from bsroformer.metrics import LIMIT_DB, sdr, si_sdr
from bsroformer.training.validation_scores import ValidationScores
from support.warm import in_ranks

METRICS = {"si_sdr": si_sdr, "sdr": sdr}
LENGTHS = (1200, 500, 170)


def songs(noise: float = 0.3) -> list[tuple[Tensor, Tensor]]:
    """Estimates and targets ``(n c t)`` of three songs."""
    generator = torch.Generator().manual_seed(0)
    pairs = []
    for length in LENGTHS:
        target = torch.randn(3, 2, length, generator=generator)
        pairs.append((0.7 * target + noise * torch.randn(target.shape, generator=generator), target))
    return pairs


def excerpts(pairs: list[tuple[Tensor, Tensor]], frames: int = 500) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Arguments of `ValidationScores.update`, with loud padding in the estimates."""
    found = []
    for piece, (estimate, target) in enumerate(pairs):
        for one, other in zip(estimate.split(frames, dim=-1), target.split(frames, dim=-1), strict=True):
            padding = frames - one.shape[-1]
            one = torch.nn.functional.pad(one, (0, padding), value=9.0)
            other = torch.nn.functional.pad(other, (0, padding))
            found.append((one[None], other[None], torch.tensor([piece]), torch.tensor([frames - padding])))
    return found


def scored(found: list[tuple[Tensor, Tensor, Tensor, Tensor]], pieces: int = len(LENGTHS)) -> ValidationScores:
    scores = ValidationScores(pieces, stems=3)
    for excerpt in found:
        scores.update(*excerpt)
    return scores


@pytest.mark.parametrize("noise", [1.0, 1e-2, 1e-4])  # up to 77 dB
def test_songs_in_excerpts_score_as_whole_songs(noise):
    pairs = songs(noise)
    found = scored(excerpts(pairs)).compute()
    for name, metric in METRICS.items():
        expected = torch.stack([metric(estimate.double(), target.double()) for estimate, target in pairs])
        torch.testing.assert_close(found[name], expected, rtol=1e-6, atol=1e-6)


def test_a_batch_scores_as_its_excerpts_one_by_one():
    found = excerpts(songs())
    batch = tuple(torch.cat(fields) for fields in zip(*found, strict=True))
    torch.testing.assert_close(scored([batch]).compute(), scored(found).compute())


def test_limits_and_silence_match_the_metrics():
    target = torch.randn(3, 2, 500)
    pairs = [
        (target, target),
        (2 * target, target),
        (torch.zeros_like(target), target),
        (target, torch.zeros_like(target)),
    ]
    found = scored(excerpts(pairs), pieces=5).compute()
    for name, metric in METRICS.items():
        expected = torch.stack([metric(estimate.double(), target.double()) for estimate, target in pairs])
        torch.testing.assert_close(found[name][:4], expected, equal_nan=True)
        assert found[name][4].isnan().all()  # nothing was scored there
    assert (found["si_sdr"][:2] == LIMIT_DB).all()


def test_nan_is_ignored_in_the_padding_only():
    [excerpt] = excerpts([(torch.ones(3, 2, 170), torch.ones(3, 2, 170))])
    excerpt[0][..., 170:] = torch.nan
    assert not scored([excerpt], pieces=1).compute()["si_sdr"].isnan().any()
    excerpt[0][..., 169] = torch.nan
    assert scored([excerpt], pieces=1).compute()["si_sdr"].isnan().all()


def score_a_share(ranks: int, folder: Path) -> None:
    """Score every `ranks`-th excerpt, as one of several processes."""
    rank = int(os.environ["LOCAL_RANK"])
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=ranks)
    torch.save(scored(excerpts(songs())[rank::ranks]).compute(), folder / f"{rank}.pt")
    torch.distributed.destroy_process_group()


def test_processes_score_together_as_one(tmp_path):
    in_ranks(2, score_a_share, 2, tmp_path)
    expected = scored(excerpts(songs())).compute()
    for rank in range(2):
        torch.testing.assert_close(torch.load(tmp_path / f"{rank}.pt"), expected)
