from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from bsroformer.cli.commands.train import build, memory
from bsroformer.cli.commands.train.memory import estimator, training_plan
from bsroformer.errors import InputError
from bsroformer.hardware import GIB
from bsroformer.training.callbacks.last_checkpoint import LastCheckpoint
from support.launched import SMALL_RUN, composed

CPU = torch.device("cpu")
CUDA = torch.device("cuda")


@pytest.mark.parametrize(
    ("device", "bf16", "precision"),
    [
        (CPU, True, "bf16-mixed"),
        (CPU, False, "32-true"),
        (CUDA, True, "bf16-mixed"),
        (CUDA, False, "16-mixed"),
    ],
)
def test_the_precision_follows_what_the_device_computes(monkeypatch, device, bf16, precision):
    monkeypatch.setattr(build, "best_device", lambda: device)
    monkeypatch.setattr(build, "computes_bf16", lambda device: bf16)
    assert build.chosen_precision("auto", "gpu") == precision
    assert build.chosen_precision("32-true", "gpu") == "32-true"


def test_a_cpu_run_beside_a_gpu_has_the_cpus_precision(monkeypatch):
    monkeypatch.setattr(build, "best_device", lambda: CUDA)
    monkeypatch.setattr(build, "computes_bf16", lambda device: device.type == "cuda")
    assert build.chosen_precision("auto", "cpu") == "32-true"


def test_a_gpu_run_without_a_gpu_is_refused(monkeypatch):
    monkeypatch.setattr(build, "best_device", lambda: CPU)
    with pytest.raises(InputError, match="PyTorch finds no GPU here; choose trainer=cpu"):
        build.build_trainer(composed("train", "logger=none"))


@pytest.mark.parametrize("choice", ["callbacks=none", "debug=fast_dev_run"])
def test_without_callbacks_there_are_no_checkpoints(tmp_path, choice):
    trainer = build.build_trainer(composed("train", *SMALL_RUN, choice, f"paths.output_dir={tmp_path}"))
    assert trainer.checkpoint_callback is None


def test_default_callbacks_save_the_best_and_last_checkpoint(tmp_path):
    trainer = build.build_trainer(composed("train", *SMALL_RUN, f"paths.output_dir={tmp_path}"))
    best, last = trainer.checkpoint_callbacks
    assert best is trainer.checkpoint_callback
    assert isinstance(best, ModelCheckpoint) and best.filename == "best"
    assert isinstance(last, LastCheckpoint)


def test_a_loggers_missing_package_is_reported(monkeypatch):
    monkeypatch.setattr("lightning.pytorch.loggers.tensorboard._TENSORBOARD_AVAILABLE", False)
    monkeypatch.setattr("lightning.fabric.loggers.tensorboard._TENSORBOARD_AVAILABLE", False)
    monkeypatch.setattr("lightning.fabric.loggers.tensorboard._TENSORBOARDX_AVAILABLE", False)
    with pytest.raises(
        InputError, match=r"logger=tensorboard needs a package that is not installed; pip install .*tensorboard"
    ):
        build.build_trainer(composed("train", *SMALL_RUN, "logger=tensorboard"))


def test_callbacks_run_before_those_that_use_their_results(tmp_path):
    trainer = build.build_trainer(composed("train", *SMALL_RUN, f"paths.output_dir={tmp_path}"))
    names = [type(callback).__name__ for callback in trainer.callbacks]
    assert names.index("Throughput") < names.index("Curves") < names.index("Report")
    assert names.index("Previews") < names.index("Report")


def test_all_no_or_the_first_blocks_are_recomputed():
    for asked, blocks in (("false", 0), ("true", 4), ("1", 1), ("0", 0), ("4", 4)):
        cfg = composed("train", "model=lite", f"activation_checkpointing={asked}")
        assert build.recomputed_blocks(cfg) == blocks


def takes(cfg, blocks: int) -> int:
    """Bytes of a step with so many recomputed blocks, by the estimate."""
    return estimator(cfg)(replace(training_plan(cfg), recomputed_blocks=blocks)).total


def test_the_laptop_trainer_recomputes_no_block_that_fits():
    cfg = composed("train", "model=lite", "trainer=rtx3050")
    assert cfg.activation_checkpointing == "auto"
    assert build.build_model(cfg).recomputed_blocks == 0
    assert takes(cfg, 0) < 0.9 * 4 * GIB


@pytest.mark.parametrize("size", [2.3, 2.0, 1.5, 0.5])
def test_as_few_blocks_are_recomputed_as_fit(size):
    cfg = composed("train", "model=lite_reference", "trainer=rtx3050", f"card_memory_gb={size}")
    blocks = build.recomputed_blocks(cfg)
    assert blocks == 4 or takes(cfg, blocks) <= 0.9 * size * GIB
    assert blocks > 0 and takes(cfg, blocks - 1) > 0.9 * size * GIB


def test_auto_decides_by_the_card_that_is_there(monkeypatch):
    cfg = composed("train", "model=lite_reference", "trainer=gpu", "data.batch_size=1")
    assert build.recomputed_blocks(cfg) == 0  # no GPU is known
    monkeypatch.setattr(memory, "best_device", lambda: CUDA)
    for size, blocks in ((2, True), (80, False)):
        monkeypatch.setattr(memory, "card_memory", lambda device, size=size: size * GIB)
        assert bool(build.recomputed_blocks(cfg)) == blocks
    assert build.recomputed_blocks(composed("train", "model=lite", "trainer=cpu")) == 0


@pytest.mark.parametrize("asked", ["5", "-1", "0.5", "some"])
def test_a_number_of_blocks_that_the_model_lacks_is_refused(asked):
    with pytest.raises(InputError, match=rf"activation_checkpointing={asked} must be auto, true, false, or a number"):
        build.recomputed_blocks(composed("train", "model=lite", f"activation_checkpointing={asked}"))


def test_the_optimizer_of_the_config_sees_the_parameter_groups():
    module = build.build_module(composed("train", "model=tiny", "optimizer=adamw", "optimizer.weight_decay=0.5"))
    module.trainer = SimpleNamespace(estimated_stepping_batches=100)
    optimizer = module.configure_optimizers()["optimizer"]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.5, 0.0]
    assert isinstance(optimizer, torch.optim.AdamW)


@pytest.mark.parametrize(
    ("precision", "fused"), [("32-true", True), ("bf16-mixed", True), ("16-mixed", False), ("16", False)]
)
def test_the_optimiser_is_fused_unless_a_scaler_unscales(precision, fused):
    cfg = composed("train", "model=tiny", "trainer=cpu", f"trainer.precision={precision}")
    [group] = build.build_optimizer(cfg)([torch.nn.Parameter(torch.zeros(1))]).param_groups
    assert group["fused"] == fused


@pytest.mark.parametrize("precision", ["32-true", "16-mixed"])
def test_an_optimiser_that_cannot_be_fused_is_made_as_configured(precision):
    rprop = "~optimizer", "+optimizer._target_=torch.optim.Rprop", "+optimizer._partial_=true", "+optimizer.lr=0.1"
    cfg = composed("train", "model=tiny", "trainer=cpu", f"trainer.precision={precision}", *rprop)
    made = build.build_optimizer(cfg)([torch.nn.Parameter(torch.zeros(1))])
    assert isinstance(made, torch.optim.Rprop)
    assert made.param_groups[0]["lr"] == 0.1
