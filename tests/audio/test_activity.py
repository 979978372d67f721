"""Activity of a signal, decided by its level and one threshold everywhere."""

import pytest
import torch

from bsroformer.audio.activity import is_active
from bsroformer.data.levels import ACTIVE, SILENT, Levels, block_levels
from bsroformer.evaluation.score_track import score_track
from bsroformer.evaluation.track_audio import TrackAudio
from bsroformer.losses.sdr import active_stems
from bsroformer.training.validation_scores import ValidationScores
from support.launched import composed

RATE, FRAMES, CHANNELS = 1000, 4000, 2
LEVELS = [(-100.0, False), (-75.0, False), (-60.1, False), (-59.9, True), (-55.0, True), (-20.0, True)]


def sine(level_db: float) -> torch.Tensor:
    """Two channels (c t) of whole periods, whose mean square is amplitude² / 2."""
    wave = torch.sin(2 * torch.pi * 50 / RATE * torch.arange(FRAMES, dtype=torch.float64))
    return ((2 * 10 ** (level_db / 10)) ** 0.5 * wave).float().expand(CHANNELS, -1)


def in_loss(stems: torch.Tensor) -> bool:
    return bool(active_stems(stems[None])[0, 0])


def in_validation(stems: torch.Tensor) -> bool:
    scores = ValidationScores(pieces=1, stems=2)
    for part in stems.split(500, dim=-1):
        noisy = part + 0.01 * torch.randn(part.shape)
        scores.update(noisy[None], part[None], torch.tensor([0]), torch.tensor([part.shape[-1]]))
    found = scores.compute()
    assert found["si_sdr"].isnan().equal(found["sdr"].isnan())
    return not found["sdr"][0, 0].isnan()


def in_excerpts(stems: torch.Tensor) -> bool:
    energy = block_levels(stems[0].T.numpy(), 100)[0]
    levels = Levels(100, energy[None], CHANNELS)
    threshold = composed("train", "paths.output_dir=x").augment.arguments["active_db"]
    [activity] = levels.activity(0, FRAMES, FRAMES, threshold)
    return {ACTIVE: True, SILENT: False}[int(activity)]


def in_evaluation(stems: torch.Tensor) -> bool:
    song = TrackAudio("song", "test", RATE, ("quiet", "loud"), stems.sum(0), stems, stems)
    scores = score_track(song, stems + 0.01 * torch.randn(stems.shape)).whole["quiet"]
    assert not torch.tensor(scores["uSDR"]).isnan()  # the published definition has no threshold
    return not torch.tensor([scores["SI-SDR"], scores["SI-SDRi"]]).isnan().any()


@pytest.mark.parametrize("rule", [in_loss, in_validation, in_excerpts, in_evaluation])
@pytest.mark.parametrize(("level", "active"), LEVELS)
def test_a_stem_is_active_by_the_same_level_everywhere(level, active, rule):
    assert rule(torch.stack([sine(level), sine(-12.0)])) is active


def test_bleed_has_no_part_in_a_validation_score():
    quiet, loud = sine(-75.0), sine(-20.0)
    stems = torch.stack([torch.stack([quiet, loud]), torch.stack([loud, loud])])  # (pieces n c t)
    scores = ValidationScores(pieces=2, stems=2)
    scores.update(0.9 * stems + 1e-3, stems, torch.tensor([0, 1]), torch.tensor([FRAMES, FRAMES]))
    found = scores.compute()["si_sdr"]
    assert found[0, 0].isnan() and found[[0, 1, 1], [1, 0, 1]].min() > 30


def test_nothing_is_active_in_no_samples():
    assert not is_active(torch.zeros(3), 0).any()


def test_the_saved_config_has_the_threshold_as_a_number():
    assert composed("train", "paths.output_dir=x").augment.arguments["active_db"] == -60.0
