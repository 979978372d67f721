"""This project's own checkpoints."""

from pathlib import Path
from typing import Any

import pytest
import torch

from bsroformer.checkpoints import load_model, open_checkpoint
from bsroformer.checkpoints.native import describe, read_training_checkpoint
from bsroformer.errors import InputError
from bsroformer.models import ModelSettings
from bsroformer.models.bs_roformer import BandSplitRoformer


def checkpoint_of(model: BandSplitRoformer) -> dict[str, Any]:
    """The entries of a training run that describe the model, without the trainer's."""
    weights = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    return {
        "bsroformer": describe(model.settings),
        "state_dict": weights | {"loss.window": torch.ones(3)},
        "epoch": 3,
        "optimizer_states": [{"lr": 1e-3}],
    }


@pytest.fixture
def checkpoint(tiny_model) -> dict[str, Any]:
    return checkpoint_of(tiny_model)


def save(path: Path, contents: Any) -> Path:
    torch.save(contents, path)
    return path


def fault(path: Path) -> str:
    """Return the error message of a file: one sentence that names it."""
    with pytest.raises(InputError) as error:
        load_model(path)
    message = str(error.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_a_loaded_model_has_equal_settings_and_output(tmp_path, tiny_model, checkpoint):
    loaded = load_model(save(tmp_path / "best.ckpt", checkpoint))
    mixture = torch.randn(1, 2, 500)
    assert loaded.settings == tiny_model.settings
    assert torch.equal(loaded(mixture), tiny_model(mixture))


def test_a_loaded_model_is_in_evaluation_mode_and_float32(tmp_path, tiny_model):
    loaded = load_model(save(tmp_path / "half.ckpt", checkpoint_of(tiny_model.half().train())))
    assert not loaded.training
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}


def test_a_native_model_outlives_its_file(tmp_path, tiny_model, checkpoint):
    path = save(tmp_path / "best.ckpt", checkpoint)
    loaded = load_model(str(path))
    path.write_bytes(bytes(path.stat().st_size))
    torch.testing.assert_close(loaded.state_dict(), tiny_model.state_dict())


def test_the_description_is_plain_data(tiny_model):
    def leaves(tree: Any) -> list[Any]:
        children = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else None
        return [tree] if children is None else [leaf for child in children for leaf in leaves(child)]

    assert {type(leaf) for leaf in leaves(describe(tiny_model.settings))} <= {int, float, str, bool, type(None)}


def test_wrong_settings_are_reported_with_their_key(tmp_path, checkpoint):
    checkpoint["bsroformer"]["model"]["trunk"]["depht"] = 3
    message = fault(save(tmp_path / "best.ckpt", checkpoint))
    assert "(bsroformer.model) does not describe a model: trunk.depht" in message


def test_unfit_weights_are_named_with_both_shapes(tmp_path, checkpoint):
    weights = checkpoint["state_dict"]
    weights["model.final_norm.gamma"] = torch.ones(9)
    weights["model.blocks.0.extra"] = torch.ones(1)
    del weights["model.blocks.1.time.attentions.0.to_gates.bias"]
    message = fault(save(tmp_path / "best.ckpt", checkpoint))
    assert "final_norm.gamma has shape (9,) (expected (8,))" in message
    assert "blocks.0.extra is unknown" in message
    assert "blocks.1.time.attentions.0.to_gates.bias is missing" in message


def test_only_the_first_unfit_weights_are_named(tmp_path, tiny_model, checkpoint):
    checkpoint["state_dict"] = {}
    message = fault(save(tmp_path / "best.ckpt", checkpoint))
    assert message.count(" is missing") == 3
    assert message.endswith(f"and {len(tiny_model.state_dict()) - 3} more")


@pytest.mark.parametrize(
    "change",
    [
        {"bsroformer": None},
        {"bsroformer": {"format": 1}},
        {"state_dict": None},
        {"state_dict": {"model.final_norm.gamma": 1.0}},
    ],
)
def test_a_malformed_entry_is_rejected(tmp_path, checkpoint, change):
    fault(save(tmp_path / "best.ckpt", checkpoint | change))


def test_a_newer_format_is_rejected(tmp_path, checkpoint):
    checkpoint["bsroformer"]["format"] = 3
    assert "format 3" in fault(save(tmp_path / "best.ckpt", checkpoint))


def test_format_1_has_the_default_rotary_frequencies(tmp_path, tiny_model, checkpoint):
    checkpoint["bsroformer"]["format"] = 1
    for name in ("time", "band"):
        del checkpoint["state_dict"][f"model.{name}_rotary.inverse_frequencies"]
    loaded = load_model(save(tmp_path / "best.ckpt", checkpoint))
    torch.testing.assert_close(loaded.state_dict(), tiny_model.state_dict(), rtol=0, atol=0)


def test_a_wide_format_1_model_has_them_in_both_directions(tmp_path, tiny_tree):
    tiny_tree["trunk"]["dim_head"] = 4096  # pages of memory, which are released after the copy
    model = BandSplitRoformer(ModelSettings.from_dict(tiny_tree))
    checkpoint = checkpoint_of(model)
    checkpoint["bsroformer"]["format"] = 1
    for name in ("time", "band"):
        del checkpoint["state_dict"][f"model.{name}_rotary.inverse_frequencies"]
    opened = open_checkpoint(save(tmp_path / "best.ckpt", checkpoint))
    for loaded in (opened.model(), opened.model()):
        torch.testing.assert_close(loaded.state_dict(), model.state_dict(), rtol=0, atol=0)


def test_only_training_checkpoints_can_be_resumed(tmp_path, checkpoint):
    assert read_training_checkpoint(save(tmp_path / "last.ckpt", checkpoint))["epoch"] == 3
    for lacking in ("bsroformer", "optimizer_states"):
        partial = {name: entry for name, entry in checkpoint.items() if name != lacking}
        with pytest.raises(InputError, match=r"without a training to resume; set init_from="):
            read_training_checkpoint(save(tmp_path / "partial.ckpt", partial))
