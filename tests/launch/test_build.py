from types import SimpleNamespace

import pytest
import torch
from launched import SMALL_RUN, composed
from lightning.pytorch.callbacks import ModelCheckpoint

from bsroformer.errors import InputError
from bsroformer.launch import build
from bsroformer.launch.train import best_score

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


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


def test_the_precision_of_a_cpu_run_is_that_of_the_cpu_where_there_is_a_gpu(monkeypatch):
    monkeypatch.setattr(build, "best_device", lambda: CUDA)
    monkeypatch.setattr(build, "computes_bf16", lambda device: device.type == "cuda")
    assert build.chosen_precision("auto", "cpu") == "32-true"


def test_a_gpu_run_without_a_gpu_is_told(monkeypatch):
    monkeypatch.setattr(build, "best_device", lambda: CPU)
    with pytest.raises(InputError, match="PyTorch finds no GPU here: choose trainer=cpu"):
        build.build_trainer(composed("train", "logger=none"))


@pytest.mark.parametrize("choice", ["callbacks=none", "debug=fast_dev_run"])
def test_without_callbacks_there_are_no_checkpoints(tmp_path, choice):
    trainer = build.build_trainer(composed("train", *SMALL_RUN, choice, f"paths.output_dir={tmp_path}"))
    assert trainer.checkpoint_callback is None


def test_the_default_callbacks_keep_the_best_checkpoint_and_the_last(tmp_path):
    trainer = build.build_trainer(composed("train", *SMALL_RUN, f"paths.output_dir={tmp_path}"))
    names = [callback.filename for callback in trainer.checkpoint_callbacks]
    assert sorted(names) == ["best", "last"]
    assert isinstance(trainer.checkpoint_callback, ModelCheckpoint)
    assert trainer.checkpoint_callback.filename == "best"


def test_activation_checkpointing_is_for_all_blocks_none_or_the_first():
    assert build.build_model(composed("train", "model=lite", "trainer=rtx3050")).recomputed_blocks == 4
    for asked, blocks in (("false", 0), ("true", 4), ("1", 1), ("0", 0), ("4", 4)):
        cfg = composed("train", "model=lite", f"activation_checkpointing={asked}")
        assert build.recomputed_blocks(cfg) == blocks


@pytest.mark.parametrize("asked", ["5", "-1", "0.5", "some"])
def test_a_number_of_blocks_that_the_model_lacks_is_refused(asked):
    with pytest.raises(InputError, match=rf"activation_checkpointing={asked} .* from 0 to 4"):
        build.recomputed_blocks(composed("train", "model=lite", f"activation_checkpointing={asked}"))


@pytest.fixture
def eager_compiler(monkeypatch):
    """torch.compile without its code generator, whose C++ takes minutes."""
    compiled = []

    def compile_in_place(block, *_, **__):
        compiled.append(block)
        block._compiled_call_impl = torch.compile(block._call_impl, backend="eager", dynamic=False)

    monkeypatch.setattr(torch.nn.Module, "compile", compile_in_place)
    return compiled


@pytest.mark.parametrize("blocks", [0, 1])
def test_compiled_blocks_have_the_same_loss_gradients_and_names(eager_compiler, blocks):
    """With and without recomputing them."""
    small = ("model=tiny", "model.trunk.dim=8", "model.trunk.depth=2", f"activation_checkpointing={blocks}")
    plain, compiled = (
        build.build_module(composed("train", *small, f"compile={switch}")) for switch in ("false", "true")
    )
    assert eager_compiler == list(compiled.model.blocks)
    assert plain.state_dict().keys() == compiled.state_dict().keys()
    compiled.load_state_dict(plain.state_dict())
    stems = 0.1 * torch.randn(1, 4, 2, 8000)
    losses = []
    for module in (plain, compiled):
        loss, _ = module.loss(module(stems.sum(1)), stems)
        loss.backward()
        losses.append(loss.detach())
    torch.testing.assert_close(*losses)
    for (name, weight), other in zip(plain.named_parameters(), compiled.parameters(), strict=True):
        torch.testing.assert_close(weight.grad, other.grad, msg=name)


def test_the_optimizer_of_the_config_sees_the_parameter_groups():
    module = build.build_module(composed("train", "model=tiny", "optimizer.weight_decay=0.5"))
    module.trainer = SimpleNamespace(estimated_stepping_batches=100)
    optimizer = module.configure_optimizers()["optimizer"]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.5, 0.0]
    assert isinstance(optimizer, torch.optim.AdamW)


@pytest.mark.parametrize(("best", "measured", "score"), [(3.0, 2.0, 3.0), (None, 2.0, 2.0), (None, None, float("nan"))])
def test_a_sweep_compares_the_best_validation_score(best, measured, score):
    metrics = {} if measured is None else {"val/si_sdr": torch.tensor(measured)}
    callback = None if best is None else SimpleNamespace(best_model_score=torch.tensor(best))
    trainer = SimpleNamespace(checkpoint_callback=callback, callback_metrics=metrics)
    assert best_score(trainer) == pytest.approx(score, nan_ok=True)
