"""Gradients of a training step: their weight, their norm, and NaN and infinity."""

from functools import partial
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.plugins import MixedPrecision
from torch import Tensor

from bsroformer.losses import MultiResolutionLoss
from bsroformer.models import ModelSettings
from bsroformer.models.bs_roformer import BandSplitRoformer
from bsroformer.training import SeparationModule
from bsroformer.training.optimizer import clip, parameter_groups
from support.trainers import LOSS, SCHEDULER, excerpts, loader, trainer

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec")
FUSED = partial(torch.optim.AdamW, lr=1e-3, fused=True)


def model_of(tree: dict[str, Any]) -> BandSplitRoformer:
    torch.manual_seed(0)
    return BandSplitRoformer(ModelSettings.from_dict(tree))


def trained(model: BandSplitRoformer, stems: Tensor, optimizer=FUSED, **options: Any) -> L.Trainer:
    """The trainer of an epoch over the stems, an excerpt a batch."""
    module = SeparationModule(model, LOSS, optimizer, SCHEDULER)
    run = trainer(limit_val_batches=0, **options)
    run.fit(module, loader(stems, batch_size=1))
    return run


def by_hand(model: BandSplitRoformer, stems: Tensor, groups: list[list[int]], limit: float | None = None) -> None:
    """Train on groups of excerpts, a step each."""
    optimizer = FUSED(parameter_groups(model))
    scheduler = SCHEDULER(optimizer, len(groups))
    for group in groups:
        optimizer.zero_grad()
        for number in group:
            (LOSS(model(stems[[number]].sum(1)), stems[[number]])[0] / len(group)).backward()
        if limit:
            torch.nn.utils.clip_grad_norm_(model.parameters(), limit)
        optimizer.step()
        scheduler.step()


def assert_same_weights(first: BandSplitRoformer, second: BandSplitRoformer, **tolerance: float) -> None:
    torch.testing.assert_close(first.state_dict(), second.state_dict(), **tolerance)


@pytest.mark.parametrize("limit", [None, 0.5])
def test_an_incomplete_step_has_the_weight_of_a_complete_one(tiny_tree, limit):
    stems = excerpts(5)
    ours, expected = model_of(tiny_tree), model_of(tiny_tree)
    run = trained(ours, stems, accumulate_grad_batches=2, gradient_clip_val=limit)
    by_hand(expected, stems, [[0, 1], [2, 3], [4]], limit)
    assert run.global_step == 3
    assert_same_weights(ours, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("batches", "accumulated"), [(5, 3), (2, 4), (4, 2)])
def test_the_loss_that_is_logged_is_not_scaled(tiny_tree, batches, accumulated):
    stems = excerpts(batches)
    still = partial(torch.optim.AdamW, lr=0.0)
    model = model_of(tiny_tree)
    run = trained(model, stems, still, accumulate_grad_batches=accumulated)
    expected = LOSS(model(stems[-1:].sum(1)), stems[-1:])[0]
    assert run.callback_metrics["train/loss"].item() == pytest.approx(expected.item(), rel=1e-4)


def test_values_are_clipped_by_the_value_algorithm():
    weight = torch.nn.Parameter(torch.zeros(3))
    weight.grad = torch.tensor([-5.0, 0.1, 5.0])
    clip([weight], weight.grad.norm(), 1.0, "value")
    assert weight.grad.tolist() == pytest.approx([-1, 0.1, 1])


@pytest.mark.parametrize("limit", [None, 0, 0.0])
def test_gradients_stay_without_a_limit(limit):
    weight = torch.nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, 4.0])
    clip([weight], weight.grad.norm(), limit)
    assert weight.grad.tolist() == [3, 4]


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("algorithm", ["norm", "value"])
def test_a_fused_optimiser_is_clipped_in_every_precision(tiny_tree, precision, algorithm):
    options = {"gradient_clip_val": 1e-3, "gradient_clip_algorithm": algorithm, "precision": precision}
    before, model = model_of(tiny_tree), model_of(tiny_tree)
    run = trained(model, excerpts(2), **options)
    assert run.callback_metrics["train/gradient_norm"] > 1e-3
    assert not torch.equal(model.final_norm.gamma, before.final_norm.gamma)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("accumulated", [1, 2])
def test_a_faulty_step_changes_neither_weights_nor_moments(tiny_tree, value, accumulated):
    """The result is that without its batches, except for the schedule, which advances."""
    stems = excerpts(4 * accumulated)
    broken = stems.clone()
    broken[accumulated, 0, 0, 100] = value  # in the second step
    steady = partial(SCHEDULER, warmup_steps=0, final=1.0)
    models = [model_of(tiny_tree), model_of(tiny_tree)]
    kept = [number for number in range(len(stems)) if number // accumulated != 1]
    states = []
    for model, data in zip(models, (broken, stems[kept]), strict=True):
        module = SeparationModule(model, LOSS, FUSED, steady)
        run = trainer(limit_val_batches=0, accumulate_grad_batches=accumulated)
        run.fit(module, loader(data, batch_size=1))
        states.append(run.optimizers[0].state_dict())
    assert_same_weights(*models, rtol=0, atol=0)
    torch.testing.assert_close(states[0], states[1], rtol=0, atol=0)


class Deceptive(torch.nn.Module):
    """A loss that is infinite for loud excerpts, with a finite gradient."""

    def forward(self, estimate: Tensor, target: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        loss = estimate.square().mean() + torch.where(target.abs().max() > 100, torch.inf, 0.0)
        return loss, {"square": loss}


def test_an_infinite_loss_with_a_finite_gradient_is_a_fault(tiny_tree):
    stems = excerpts(1)
    stems[0, 0, 0, 0] = 200
    before, model = model_of(tiny_tree), model_of(tiny_tree)
    module = SeparationModule(model, Deceptive(), FUSED, SCHEDULER)
    trainer(limit_val_batches=0).fit(module, loader(stems))
    assert module.step_is_faulty
    assert_same_weights(model, before, rtol=0, atol=0)


class Overflow(L.Callback):
    """Make the gradients of one step infinite, as float16 does."""

    def on_after_backward(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.global_step == 1:
            next(pl_module.parameters()).grad.fill_(torch.inf)


@pytest.mark.parametrize("scaled", [True, False])
def test_an_overflow_is_a_fault_unless_there_is_a_scaler(tiny_tree, scaled):
    faulty = []

    class Notes(L.Callback):
        def on_train_batch_end(self, trainer, pl_module, *_: object) -> None:
            faulty.append(pl_module.step_is_faulty)

    scaler = torch.amp.GradScaler("cpu", init_scale=2.0)
    plugins = [MixedPrecision("16-mixed", "cpu", scaler)] if scaled else None
    plain = partial(torch.optim.AdamW, lr=1e-3)
    run = trained(model_of(tiny_tree), excerpts(3), plain, plugins=plugins, callbacks=[Overflow(), Notes()])
    assert faulty == [False, not scaled, False]
    assert run.global_step == 3


def test_a_nan_loss_is_a_fault_with_a_scaler_too(tiny_tree):
    stems = excerpts(1)
    stems[0, 0, 0, 0] = torch.nan
    module = SeparationModule(model_of(tiny_tree), LOSS, partial(torch.optim.AdamW, lr=1e-3), SCHEDULER)
    plugin = MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=2.0))
    trainer(limit_val_batches=0, plugins=[plugin]).fit(module, loader(stems))
    assert module.step_is_faulty


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("loss", [LOSS, MultiResolutionLoss([64, 32], 8, 32)], ids=["domains", "resolutions"])
def test_losses_compute_in_float32_under_autocast(half, loss):
    estimate, target = excerpts(2).to(half), excerpts(4)[2:].to(half)
    expected, terms = loss(estimate.float(), target.float())
    with torch.autocast("cpu", half):
        found, found_terms = loss(estimate, target)
    assert found.dtype == torch.float32
    torch.testing.assert_close((found, found_terms), (expected, terms), rtol=0, atol=0)


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_a_model_under_autocast_transforms_in_float32(tiny_model, half):
    mixture = excerpts(1).sum(1)
    spectra = []
    tiny_model.stft.register_forward_hook(lambda stft, inputs, spectrum: spectra.append(spectrum))
    with torch.no_grad(), torch.autocast("cpu", half):
        estimates = tiny_model(mixture)
    assert estimates.dtype == torch.float32
    assert torch.equal(spectra[0], tiny_model.stft(mixture))
