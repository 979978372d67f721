"""The averaged weights, and their separation from the optimiser's."""

import contextlib
import copy
import math
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torch.utils.data import DataLoader

from bsroformer.errors import InputError
from bsroformer.training.callbacks.ema import Average, Ema, averaged, ema_of, resume_without_average

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec")
HALF_LIFE = 3.0


class Learner(L.LightningModule):
    """Four weights, buffers of each kind, and a record of the weights used."""

    def __init__(self, skip: int | None = None) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.layer = nn.Linear(2, 2, bias=False)
        self.skip = skip
        self.register_buffer("window", torch.tensor([1.0, math.inf]))
        self.register_buffer("order", torch.tensor([3, 1, 2]))
        self.register_buffer("scratch", torch.zeros(3), persistent=False)
        self.stepped: list[Tensor] = []
        self.validated: list[Tensor] = []

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        return (self.layer(batch) ** 2).mean()

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        if self.trainer.global_step == self.skip:
            optimizer.zero_grad()

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        super().optimizer_step(*args, **kwargs)
        self.stepped.append(self.weight())

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        self.validated.append(self.weight())
        self.log("score", float(len(self.validated)))

    def val_dataloader(self) -> DataLoader:
        return DataLoader(torch.zeros(1, 2))

    def train_dataloader(self) -> DataLoader:
        return DataLoader(torch.randn(8, 2, generator=torch.Generator().manual_seed(1)))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=0.1)

    def weight(self) -> Tensor:
        return self.layer.weight.detach().clone()


def trainer(folder: Path, *callbacks: L.Callback, **changes: Any) -> L.Trainer:
    settings: dict[str, Any] = {"max_epochs": 1, "num_sanity_val_steps": 0, "accelerator": "cpu"}
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    keeps = any(isinstance(callback, ModelCheckpoint) for callback in callbacks)
    return L.Trainer(
        default_root_dir=folder, callbacks=list(callbacks), enable_checkpointing=keeps, **quiet, **settings | changes
    )


def expected(steps: list[Tensor], half_life: float = HALF_LIFE) -> Tensor:
    """The average by its definition, in float64."""
    average = torch.zeros(2, 2, dtype=torch.float64)
    for number, weight in enumerate(steps):
        decay = min(2 ** (-1 / half_life), number / (number + 1))
        average = decay * average + (1 - decay) * weight
    return average.float()


@pytest.mark.parametrize("half_life", [0.3, 3.0, 1000.0])
def test_the_average_is_a_running_mean_and_then_exponential(half_life):
    steps = [torch.randn(2, 2) for _ in range(9)]
    module = Learner()
    average = Average(module, half_life)
    for weight in steps:
        module.layer.weight.data.copy_(weight)
        average.update_parameters(module)
    torch.testing.assert_close(average.module.layer.weight.detach(), expected(steps, half_life))
    if half_life > len(steps):
        torch.testing.assert_close(average.module.layer.weight.detach(), torch.stack(steps).mean(0))


def test_a_weight_halves_after_the_half_life():
    module = Learner()
    average = Average(module, 40)
    average.n_averaged.fill_(10_000)
    average.module.layer.weight.data.fill_(1)
    module.layer.weight.data.zero_()
    for _ in range(40):
        average.update_parameters(module)
    torch.testing.assert_close(average.module.layer.weight.detach(), torch.full((2, 2), 0.5))


def test_the_average_of_equal_weights_is_the_same():
    module = Learner()
    average = Average(module, 7)
    for _ in range(50):
        average.update_parameters(module)
    assert torch.equal(average.module.layer.weight, module.layer.weight)


def test_buffers_are_copied():
    module = Learner()
    average = Average(module, 7)
    for number in range(3):
        module.order += number
        module.scratch += 1
        average.update_parameters(module)
    for name, buffer in module.named_buffers():
        assert torch.equal(average.module.get_buffer(name), buffer), name


def test_an_update_is_one_operator_call_for_each_tensor():
    module = Learner()
    average = Average(module, 7)
    with torch.profiler.profile() as profile:
        average.update_parameters(module)
    calls = sum(event.name in ("aten::lerp_", "aten::detach", "aten::copy_") for event in profile.events())
    assert calls <= 4  # one parameter, three buffers


@pytest.mark.parametrize("accumulated", [1, 3])
def test_each_step_is_averaged_once_and_the_average_validated(tmp_path, accumulated):
    module, ema = Learner(), Ema(HALF_LIFE)
    run = trainer(tmp_path, ema, accumulate_grad_batches=accumulated, max_epochs=2)
    run.fit(module)
    assert int(ema._average_model.n_averaged) == len(module.stepped) == run.global_step
    each_epoch = run.global_step // 2
    for epoch, validated in enumerate(module.validated, 1):
        torch.testing.assert_close(validated, expected(module.stepped[: epoch * each_epoch]))


def test_training_is_the_same_with_and_without_an_average(tmp_path):
    with_it, without = Learner(), Learner()
    trainer(tmp_path, Ema(HALF_LIFE), max_epochs=2).fit(with_it)
    trainer(tmp_path, max_epochs=2).fit(without)
    for pair in zip(with_it.stepped, without.stepped, strict=True):
        assert torch.equal(*pair)


def test_a_skipped_step_counts_as_one_without_a_change(tmp_path):
    module, ema = Learner(skip=4), Ema(HALF_LIFE)
    trainer(tmp_path, ema).fit(module)
    assert torch.equal(module.stepped[4], module.stepped[3])
    torch.testing.assert_close(module.validated[-1], expected(module.stepped))


def test_the_sanity_check_sees_the_initial_weights(tmp_path):
    module = Learner()
    begin = module.weight()
    trainer(tmp_path, Ema(HALF_LIFE), num_sanity_val_steps=1).fit(module)
    assert torch.equal(module.validated[0], begin)


def weights_in(checkpoint: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """The average, and the optimiser's."""
    return checkpoint["state_dict"]["layer.weight"], checkpoint["current_model_state"]["layer.weight"]


def test_a_checkpoint_has_averaged_and_raw_weights(tmp_path):
    module = Learner()
    kept = ModelCheckpoint(tmp_path, "best", monitor="score", mode="max", save_on_train_epoch_end=False)
    trainer(tmp_path, Ema(HALF_LIFE), kept).fit(module)
    average, raw = weights_in(torch.load(tmp_path / "best.ckpt", weights_only=True))
    assert torch.equal(average, module.validated[-1])
    assert torch.equal(raw, module.stepped[-1])


class Save(L.Callback):
    """Save a checkpoint at a moment at which only an interruption causes one."""

    def __init__(self, path: Path, moment: str) -> None:
        self.path, self.moment = path, moment

    def on_validation_batch_end(self, trainer: L.Trainer, *_: object) -> None:
        if self.moment == "in a validation":
            trainer.save_checkpoint(self.path)

    def on_train_end(self, trainer: L.Trainer, *_: object) -> None:
        if self.moment == "after the training":
            trainer.save_checkpoint(self.path)


@pytest.mark.parametrize("moment", ["in a validation", "after the training", "after the fit"])
@pytest.mark.parametrize("order", [1, -1])
def test_a_checkpoint_is_correct_at_any_moment(tmp_path, moment, order):
    module, path = Learner(), tmp_path / "any.ckpt"
    run = trainer(tmp_path, *[Ema(HALF_LIFE), Save(path, moment)][::order])
    run.fit(module)
    if moment == "after the fit":
        run.save_checkpoint(path)
    average, raw = weights_in(torch.load(path, weights_only=True))
    assert torch.equal(average, module.validated[-1])
    assert torch.equal(raw, module.stepped[-1])


def test_after_a_fit_the_module_has_the_average(tmp_path):
    module = Learner()
    run = trainer(tmp_path, Ema(HALF_LIFE))
    run.fit(module)
    assert torch.equal(module.weight(), module.validated[-1])
    run.validate(module, verbose=False)
    assert torch.equal(module.validated[-1], module.validated[-2])
    torch.testing.assert_close(module.validated[-1], expected(module.stepped))


class CutError(Exception):
    """A simulated interruption of a run."""


class CutInValidation(L.Callback):
    def on_validation_batch_end(self, *_: object) -> None:
        raise CutError


def test_a_run_cut_in_a_validation_can_be_validated_and_saved(tmp_path):
    module, cut = Learner(), CutInValidation()
    run = trainer(tmp_path, Ema(HALF_LIFE), cut)
    with contextlib.suppress(CutError):
        run.fit(module)
    run.callbacks.remove(cut)
    run.save_checkpoint(tmp_path / "cut.ckpt")
    average, raw = weights_in(torch.load(tmp_path / "cut.ckpt", weights_only=True))
    assert torch.equal(raw, module.stepped[-1])
    run.validate(module, verbose=False)
    assert torch.equal(module.validated[-1], average)
    torch.testing.assert_close(average, expected(module.stepped))


def test_validating_a_checkpoint_after_a_fit_uses_its_weights(tmp_path):
    first = Learner()
    run = trainer(tmp_path, Ema(HALF_LIFE))
    run.fit(first)
    run.save_checkpoint(tmp_path / "first.ckpt")
    second = Learner()
    run = trainer(tmp_path, Ema(HALF_LIFE), max_epochs=2)
    run.fit(second)
    run.validate(second, ckpt_path=tmp_path / "first.ckpt", verbose=False)
    assert torch.equal(second.validated[-1], first.validated[-1])


def saved(folder: Path, *callbacks: L.Callback, ckpt_path: Path | None = None, epochs: int) -> dict[str, Any]:
    """The checkpoint of a run's end; its batches have the same order in each epoch."""
    run = trainer(folder, *callbacks, max_epochs=epochs, accumulate_grad_batches=3)
    run.fit(Learner(), ckpt_path=ckpt_path)
    path = folder / f"{epochs}.ckpt"
    run.save_checkpoint(path)
    return torch.load(path, weights_only=True)


def test_a_resumed_run_reaches_both_weights_bit_for_bit(tmp_path):
    whole = saved(tmp_path, Ema(HALF_LIFE), epochs=4)
    saved(tmp_path, Ema(HALF_LIFE), epochs=2)
    resumed = saved(tmp_path, Ema(HALF_LIFE), ckpt_path=tmp_path / "2.ckpt", epochs=4)
    for pair in zip(weights_in(whole), weights_in(resumed), strict=True):
        assert torch.equal(*pair)
    assert whole["averaging_state"] == resumed["averaging_state"]


def test_resuming_without_an_average_starts_one(tmp_path, caplog):
    whole = saved(tmp_path, epochs=4)
    saved(tmp_path, epochs=2)
    resumed = saved(tmp_path, Ema(HALF_LIFE), ckpt_path=tmp_path / "2.ckpt", epochs=4)
    assert torch.equal(weights_in(resumed)[1], whole["state_dict"]["layer.weight"])
    assert resumed["averaging_state"]["n_averaged"] == resumed["global_step"] / 2  # no step before the first
    assert "The checkpoint has no averaged weights (EMA); the average starts with this run." in caplog.messages


def test_a_checkpoint_with_an_average_is_resumed_without_one(tmp_path, caplog):
    class WithoutAverage(Learner):
        def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
            resume_without_average(self.trainer, checkpoint)

    whole = saved(tmp_path, epochs=4)
    saved(tmp_path, Ema(HALF_LIFE), epochs=2)
    run, module = trainer(tmp_path, max_epochs=4, accumulate_grad_batches=3), WithoutAverage()
    run.fit(module, ckpt_path=tmp_path / "2.ckpt")
    assert torch.equal(module.weight(), whole["state_dict"]["layer.weight"])
    assert any("averaged weights (EMA) are ignored" in message for message in caplog.messages)


def test_the_average_is_in_the_module_only_in_its_context(tmp_path):
    class Listen(L.Callback):
        def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
            raw = pl_module.weight()
            with pytest.raises(CutError), averaged(trainer, pl_module):
                heard.append(pl_module.weight())
                raise CutError
            assert torch.equal(pl_module.weight(), raw)

    heard: list[Tensor] = []
    module = Learner()
    run = trainer(tmp_path, Ema(HALF_LIFE), Listen(), max_epochs=2)
    run.fit(module)
    assert all(torch.equal(*pair) for pair in zip(heard, module.validated, strict=True))
    with averaged(run, module):  # which the module has by now
        assert torch.equal(module.weight(), heard[-1])
    with averaged(trainer(tmp_path), module):  # and a trainer without averages changes nothing
        assert torch.equal(module.weight(), heard[-1])


def test_only_the_weights_are_copied_and_once(tmp_path):
    class Hoard(L.Callback):
        def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: object) -> None:
            copied = ema_of(trainer)._average_model.module
            assert copied._trainer is None and copied.stepped == []
            tensors = [*copied.parameters(), *copied.buffers()]
            assert all(tensor.grad is None for tensor in tensors)
            stored = {tensor.untyped_storage().data_ptr(): tensor.nbytes for tensor in tensors}
            assert sum(stored.values()) == sum(t.nbytes for t in [*pl_module.parameters(), *pl_module.buffers()])

    trainer(tmp_path, Ema(HALF_LIFE), Hoard()).fit(Learner())


def test_the_average_follows_the_module_to_its_device(tmp_path):
    module, ema = Learner(), Ema(HALF_LIFE)
    run = trainer(tmp_path, ema)
    ema.setup(run, module, "fit")  # when Lightning has not moved the module yet
    ema.on_fit_start(run, module.to("meta"))
    assert all(weight.device.type == "meta" for weight in ema._average_model.module.parameters())
    assert ema._average_model.n_averaged.device.type == "cpu"  # or each step would wait for the GPU


def test_a_module_compiled_in_place_stays_compiled(tmp_path):
    module = Learner()
    module.layer.compile(backend="eager")
    trainer(tmp_path, Ema(HALF_LIFE)).fit(module)
    assert module.layer._compiled_call_impl is not None
    torch.testing.assert_close(module.validated[-1], expected(module.stepped))
    assert copy.deepcopy(module).layer._compiled_call_impl is None


@pytest.mark.parametrize("half_life", [0, -1, math.nan, math.inf, "10", None, True])
def test_an_invalid_half_life_is_refused(half_life):
    with pytest.raises(InputError, match=r"callbacks\.ema\.half_life=.* must be a number of optimiser steps above 0"):
        Ema(half_life)


def test_frozen_weights_are_shared_and_trained_ones_averaged():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].requires_grad_(False)
    model[0].weight = nn.Parameter(model[0].weight.bfloat16(), requires_grad=False)
    average = Average(model, HALF_LIFE)
    assert average.module[0].weight.data_ptr() == model[0].weight.data_ptr()
    assert average.module[1].weight.data_ptr() != model[1].weight.data_ptr()
    values = []
    for _ in range(2):
        with torch.no_grad():
            model[1].weight += 1
        values.append(model[1].weight.detach().clone())
        average.update_parameters(model)
    torch.testing.assert_close(average.module[1].weight.detach(), (values[0] + values[1]) / 2)
