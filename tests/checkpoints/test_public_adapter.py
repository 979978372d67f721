"""Low-rank updates of other programs."""

import json
from pathlib import Path

import pytest
import torch
import yaml
from torch import Tensor

from bsroformer import load_model
from bsroformer.checkpoints.save import save_model
from bsroformer.errors import InputError
from bsroformer.models.public_yaml import PlainDumper, PlainLoader
from support.launched import REPOSITORY

REFERENCE = REPOSITORY / "tests" / "reference"
BASE = REFERENCE / "bs_four_stems.ckpt"
LAYERS = (
    "layers.0.0.layers.0.0.to_qkv",
    "layers.1.1.layers.0.1.net.4",
    "band_split.to_features.3.1",
    "mask_estimators.2.to_freqs.5.0.0",
)
RANK = 2
ALPHA = 6


def base_weights() -> dict[str, Tensor]:
    return torch.load(BASE, weights_only=True)["model_state_dict"]


def updates() -> dict[str, tuple[Tensor, Tensor]]:
    """Both matrices of the update of each layer."""
    weights = base_weights()
    shapes = {layer: weights[f"{layer}.weight"].shape for layer in LAYERS}
    return {layer: (torch.randn(RANK, columns), torch.randn(rows, RANK)) for layer, (rows, columns) in shapes.items()}


def merged(found: dict[str, tuple[Tensor, Tensor]], folder: Path) -> dict[str, Tensor]:
    """The weights of the base with merged updates, by our names."""
    weights = base_weights()
    for layer, (first, second) in found.items():
        weights[f"{layer}.weight"] += ALPHA / RANK * second @ first
    torch.save(weights, folder / "merged.ckpt")
    return dict(load_model(folder / "merged.ckpt", config=REFERENCE / "bs_four_stems.yaml").state_dict())


def training_yaml(folder: Path, **options: object) -> Path:
    """The YAML of the field's trainer, for model and updates."""
    tree = yaml.load((REFERENCE / "bs_four_stems.yaml").read_text(), PlainLoader)
    tree["lora"] = {"r": RANK, "lora_alpha": ALPHA, "merge_weights": False, "enable_lora": [True], **options}
    path = folder / "lora.yaml"
    path.write_text(yaml.dump(tree, Dumper=PlainDumper))
    return path


def loralib_file(folder: Path, found: dict[str, tuple[Tensor, Tensor]], container: str | None = None) -> Path:
    weights = {}
    for layer, (first, second) in found.items():
        weights |= {f"{layer}.lora_A": first, f"{layer}.lora_B": second}
    torch.save({container: weights, "epoch": 3} if container else weights, folder / "updates.ckpt")
    return folder / "updates.ckpt"


@pytest.mark.parametrize("container", [None, "model_state_dict"])
def test_updates_of_loralib_are_merged(tmp_path, container):
    found = updates()
    path = loralib_file(tmp_path, found, container)
    model = load_model(path, config=training_yaml(tmp_path), base=BASE)
    torch.testing.assert_close(dict(model.state_dict()), merged(found, tmp_path), rtol=1e-5, atol=1e-6)


def test_updates_of_peft_are_merged(tmp_path):
    found = updates()
    weights = {}
    for layer, (first, second) in found.items():
        name = f"base_model.model.{layer}"
        weights |= {f"{name}.lora_A.weight": first, f"{name}.lora_B.weight": second}
    torch.save(weights, tmp_path / "adapter_model.ckpt")
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": RANK, "lora_alpha": ALPHA, "peft_type": "LORA"}))
    model = load_model(tmp_path / "adapter_model.ckpt", base=BASE)
    torch.testing.assert_close(dict(model.state_dict()), merged(found, tmp_path), rtol=1e-5, atol=1e-6)


def test_updates_of_a_converted_base_are_merged(tmp_path):
    found = updates()
    save_model(load_model(BASE), tmp_path / "base.safetensors")
    path = loralib_file(tmp_path, found)
    model = load_model(path, config=training_yaml(tmp_path), base=tmp_path / "base.safetensors")
    torch.testing.assert_close(dict(model.state_dict()), merged(found, tmp_path), rtol=1e-5, atol=1e-6)


def test_updates_without_a_base_or_factor_are_refused(tmp_path):
    path = loralib_file(tmp_path, updates())
    with pytest.raises(InputError, match=r"without the model that they belong to; give it as base="):
        load_model(path, config=training_yaml(tmp_path))
    with pytest.raises(InputError, match=r"does not hold the factor of its updates \(lora_alpha\)"):
        load_model(path, base=BASE)


def test_updates_of_another_model_are_refused(tmp_path):
    path = loralib_file(tmp_path, updates())
    path.with_suffix(".yaml").write_text(yaml.dump({"lora": {"r": RANK, "lora_alpha": ALPHA}}))
    with pytest.raises(InputError, match=r"does not fit .*bs_vocals|which .*bs_vocals\.ckpt does not have"):
        load_model(path, base=REFERENCE / "bs_vocals.ckpt")


@pytest.mark.parametrize(
    ("options", "message"),
    [({"fan_in_fan_out": True}, "sets fan_in_fan_out"), ({"r": 4}, "rank 2"), ({"lora_alpha": "x"}, "must be numbers")],
)
def test_unsupported_options_are_refused(tmp_path, options, message):
    path = loralib_file(tmp_path, updates())
    with pytest.raises(InputError, match=message):
        load_model(path, config=training_yaml(tmp_path, **options), base=BASE)


def test_updates_of_some_thirds_are_refused(tmp_path):
    """A fused layer of query, key and value may have updates of some of the three."""
    layer = LAYERS[0]
    rows, columns = base_weights()[f"{layer}.weight"].shape
    path = loralib_file(tmp_path, {layer: (torch.randn(2 * RANK, columns), torch.randn(rows // 3 * 2, RANK))})
    with pytest.raises(InputError, match="does not fit"):
        load_model(path, config=training_yaml(tmp_path), base=BASE)
