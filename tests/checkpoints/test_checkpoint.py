"""Public checkpoints in any container and precision, with and without their YAML."""

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
import yaml

from bsroformer import InputError, load_model
from bsroformer.checkpoints import open_checkpoint
from support import public_model

REFERENCE = Path(__file__).parents[1] / "reference"
MEL = {
    "dim": 4,
    "depth": 2,
    "num_stems": 2,
    "time_transformer_depth": 1,
    "freq_transformer_depth": 1,
    "dim_head": 4,
    "heads": 2,
    "stft_n_fft": 128,
    "stft_hop_length": 32,
    "stft_win_length": 128,
    "mask_estimator_depth": 1,
    "mlp_expansion_factor": 1,
    "num_bands": 6,
    "sample_rate": 44_100,
}
BS = {key: value for key, value in MEL.items() if key not in ("num_bands", "sample_rate")} | {
    "freqs_per_bands": [5, 20, 40],
    "mask_estimator_depth": 2,
    "stereo": True,
}
Change = Callable[[dict[str, Any]], Any]


def tree_for(options: dict[str, Any]) -> dict[str, Any]:
    return {
        "audio": {"sample_rate": 44_100, "chunk_size": 44_100},
        "model": dict(options),
        "training": {"instruments": ["vocals", "other"], "target_instrument": None},
    }


@pytest.fixture
def bs(tmp_path) -> Path:
    """A public checkpoint with its YAML beside it."""
    torch.save(public_model.random_state("bs", BS), tmp_path / "bs.ckpt")
    (tmp_path / "bs.yaml").write_text(yaml.safe_dump(tree_for(BS), sort_keys=False))
    return tmp_path / "bs.ckpt"


def configured(path: Path, change: Change) -> None:
    config = path.with_suffix(".yaml")
    tree = yaml.safe_load(config.read_text())
    change(tree)
    config.write_text(yaml.safe_dump(tree, sort_keys=False))


def rewritten(path: Path, change: Change) -> None:
    weights = torch.load(path)
    change(weights)
    torch.save(weights, path)


def fault(path: Path, config: Path | None = None) -> str:
    with pytest.raises(InputError) as error:
        load_model(path, config)
    message = str(error.value)
    assert "\n" not in message and str(path.parent) in message and len(message) < 1500
    return message


CONTAINERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "bare": lambda weights: weights,
    "state_dict": lambda weights: {"state_dict": weights},
    "state": lambda weights: {"state": weights, "best": 3.0},
    "model": lambda weights: {"model": weights, "ema": None},
    "model_state_dict": lambda weights: {
        "epoch": 3,
        "model_state_dict": weights,
        "optimizer_state_dict": {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 1e-4}]},
        "scheduler_state_dict": {},
        "all_losses": {"a": [0.5]},
        "optimizer_name": "adam",
    },
    "wrapped": lambda weights: {"state_dict": {f"module._orig_mod.{key}": value for key, value in weights.items()}},
}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("suffix", [".ckpt", ".pth", ".pt"])
def test_weights_are_found_in_every_container(bs, container, suffix):
    path = bs.with_suffix(suffix)
    expected, weights = load_model(bs).state_dict(), torch.load(bs)
    torch.save(CONTAINERS[container](weights), path)
    torch.testing.assert_close(load_model(path).state_dict(), expected, rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("safe", [False, True])
def test_half_precision_weights_equal_the_public_output(bs, dtype, safe):
    state, mixture = public_model.random_state("bs", BS, dtype=dtype), torch.randn(2, 3_000)
    path = bs.with_suffix(".safetensors" if safe else ".ckpt")
    (safetensors.torch.save_file if safe else torch.save)(state, path)
    model = load_model(path)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert not model.training
    with torch.inference_mode():
        stems = model(mixture[None])[0]
    expected = public_model.forward("bs", BS, state, mixture)
    assert (stems - expected).norm() < 1e-5 * expected.norm()


def test_a_public_model_outlives_its_file(bs):
    expected, model = load_model(bs).state_dict(), load_model(bs)
    bs.write_bytes(bytes(bs.stat().st_size))
    torch.testing.assert_close(model.state_dict(), expected, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["bs.yaml", "bs.yml", "bs.ckpt.yaml", "config_bs.yaml"])
def test_a_yaml_beside_the_weights_is_found_by_name(bs, name):
    bs.with_suffix(".yaml").rename(bs.parent / name)
    assert load_model(bs).stems == ("vocals", "other")


def test_a_given_yaml_precedes_one_beside_the_weights(bs, tmp_path):
    shutil.copy(bs.with_suffix(".yaml"), tmp_path / "mine.yaml")
    configured(tmp_path / "mine.ckpt", lambda tree: tree["training"].update(instruments=["a", "b"]))
    assert load_model(bs, tmp_path / "mine.yaml").stems == ("a", "b")
    assert "no configuration at" in fault(bs, tmp_path / "nowhere.yaml")


def test_values_of_the_yaml_become_settings(bs):
    configured(bs, lambda tree: tree["model"].update(zero_dc=False, skip_connection=True, stft_normalized=True))
    configured(bs, lambda tree: tree["inference"].update(chunk_size=88_200) if "inference" in tree else None)
    settings = load_model(bs).settings
    assert (settings.masks.zero_dc, settings.trunk.skip_connection, settings.stft.normalized) == (False, True, True)
    assert (settings.sample_rate, settings.channels, settings.chunk_seconds) == (44_100, 2, 1.0)
    configured(bs, lambda tree: tree.update(inference={"chunk_size": 88_200}))
    assert load_model(bs).settings.chunk_seconds == 2.0


def test_missing_options_have_the_public_defaults(bs):
    configured(bs, lambda tree: tree["model"].pop("mask_estimator_depth"))
    settings = load_model(bs).settings
    assert (settings.masks.hidden_layers, settings.masks.zero_dc, settings.trunk.skip_connection) == (1, True, False)
    configured(bs, lambda tree: tree["model"].pop("stft_hop_length"))
    assert "hop_length is too long for the window" in fault(bs)  # 512, with a window of 128


@pytest.mark.parametrize(("kind", "options"), [("bs", BS), ("mel", MEL)])
def test_without_a_yaml_unknown_settings_are_assumed_and_logged(tmp_path, caplog, kind, options):
    torch.save(public_model.random_state(kind, options), tmp_path / "alone.ckpt")
    with caplog.at_level(logging.WARNING):
        settings = load_model(tmp_path / "alone.ckpt").settings
    assert settings.stems == ("stem_1", "stem_2")
    hop = 32 if kind == "bs" else 27
    assert (settings.stft.n_fft, settings.stft.hop_length, settings.chunk_seconds) == (128, hop, 8)
    for word in (
        "has no YAML file",
        "44100 Hz",
        f"hop {hop}",
        "zero_dc",
        "skip_connection",
        "stem_1, stem_2",
        "config=",
    ):
        assert word in caplog.text


def test_one_stem_has_the_name_of_the_target(tmp_path):
    options = BS | {"num_stems": 1}
    torch.save(public_model.random_state("bs", options), tmp_path / "x.ckpt")
    tree = tree_for(options)
    tree["training"]["target_instrument"] = "other"
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(tree))
    assert load_model(tmp_path / "x.ckpt").stems == ("other",)


@pytest.mark.parametrize(
    ("option", "value", "needed"),
    [
        ("dim", 6, "4"),
        ("depth", 3, "2"),
        ("depth", 1, "2"),
        ("heads", 4, "2"),
        ("dim_head", 8, "4"),
        ("num_stems", 3, "2"),
        ("stereo", False, "true"),
        ("time_transformer_depth", 2, "1"),
        ("freq_transformer_depth", 3, "1"),
        ("linear_transformer_depth", 1, "0"),
        ("mask_estimator_depth", 3, "2"),
        ("mlp_expansion_factor", 4, "1"),
        ("freqs_per_bands", [5, 30, 30], r"3 bands, 65 bins (5, 20, 40)"),
    ],
)
def test_a_contradicted_option_is_named_with_the_right_value(bs, option, value, needed):
    configured(bs, lambda tree: tree["model"].update({option: value}))
    configured(bs, lambda tree: tree["training"].update(instruments=["a", "b", "c"]) if option == "num_stems" else None)
    lines = bs.with_suffix(".yaml").read_text().splitlines()
    line = next(number for number, text in enumerate(lines, 1) if text.strip().startswith(f"{option}:"))
    message = fault(bs)
    assert f"model.{option} ({bs.with_suffix('.yaml')}, line {line}) is " in message
    assert f"must be {needed}" in message
    assert any(word in message for word in ("has shape", "is missing", "is unknown"))


def test_a_default_that_the_weights_contradict_is_named_too(bs):
    configured(bs, lambda tree: tree["model"].pop("mlp_expansion_factor"))
    assert f"model.mlp_expansion_factor (not in {bs.with_suffix('.yaml')}) is 4 and must be 1" in fault(bs)


def test_unfit_public_keys_are_named_with_both_shapes(bs):
    def damage(weights: dict[str, Any]) -> None:
        del weights["final_norm.gamma"], weights["layers.1.0.layers.0.0.to_gates.bias"]
        weights["final_norm.gamma"] = torch.ones(5)
        weights["layers.0.0.extra"] = torch.ones(1)

    rewritten(bs, damage)
    message = fault(bs)
    assert "final_norm.gamma has shape (5,) (expected (4,))" in message
    assert "layers.1.0.layers.0.0.to_gates.bias is missing (expected shape (2,))" in message
    assert "layers.0.0.extra is unknown (found shape (1,))" in message


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("mask_estimators.0.segm.backbone.stem.weight", "HyperACE"),
        ("layers.0.0.layers.0.0.pope_embed.bias", "PoPE"),
        ("layers.0.0.layers.0.0.branch.norm.gamma", "hyper-connections"),
        ("layers.0.0.layers.0.0.to_value_residual_mix.weight", "value residuals"),
        ("layers.0.0.layers.0.0.to_qkv.lora_A", "LoRA"),
        ("mask_estimators.0.refiner.weight", "a custom mask head, such as an axial refiner"),
    ],
)
def test_unsupported_modules_are_named(bs, key, name):
    rewritten(bs, lambda weights: weights.update({key: torch.ones(2)}))
    message = fault(bs)
    assert name in message and key in message and "not supported" in message


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        (["tencoder.0.conv.weight"], "HTDemucs"),
        (["first_conv.weight"], "MDX23C"),
        (["conv1.weight"], "its first keys are conv1.weight"),
    ],
)
def test_another_architecture_is_named(tmp_path, keys, name):
    torch.save({"state": {key: torch.ones(2) for key in keys}}, tmp_path / "x.ckpt")
    message = fault(tmp_path / "x.ckpt")
    assert "holds no BS-RoFormer or Mel-Band RoFormer" in message and name in message


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("use_pope", True, "sets polar positions (PoPE), which is not supported"),
        ("num_residual_streams", 4, "sets hyper-connections, which is not supported"),
        ("use_value_residual_learning", True, "sets value residuals"),
        ("colour", "red", "is an option that is not supported"),
        ("num_bands", 60, "is a Mel-Band RoFormer's"),
        ("depth", "two", "has a wrong value"),
        ("depth", 10**9, "has a wrong value"),
        ("ff_dropout", 1.5, "has a wrong value"),
    ],
)
def test_unsupported_options_are_never_ignored(bs, option, value, reason):
    configured(bs, lambda tree: tree["model"].update({option: value}))
    message = fault(bs)
    assert f"model.{option} ({bs.with_suffix('.yaml')}, line " in message and reason in message


@pytest.mark.parametrize(
    "options",
    [{"use_pope": False}, {"num_residual_streams": 1}, {"flash_attn": True, "sage_attention": True, "dim_freqs_in": 9}],
)
def test_options_that_change_nothing_are_accepted(bs, options):
    configured(bs, lambda tree: tree["model"].update(options))
    assert load_model(bs).stems == ("vocals", "other")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda tree: tree["training"].update(instruments=["a"]), "training.instruments"),
        (lambda tree: tree["training"].update(target_instrument="vocals"), "training.target_instrument"),
        (lambda tree: tree["training"].update(instruments=7), "training.instruments"),
        (lambda tree: tree["training"].update(instruments=["../../x", "y"]), "'../../x' cannot name a file"),
        (lambda tree: tree["training"].update(instruments=["CON", "y"]), "'CON' cannot name a file"),
        (lambda tree: tree["audio"].update(sample_rate=0), "audio.sample_rate"),
        (lambda tree: tree["audio"].update(chunk_size="long"), "audio.chunk_size"),
        (lambda tree: tree.update(model=[1]), "model"),
        (lambda tree: tree.pop("model"), "add a line `dim: ...` under `model:`"),
    ],
)
def test_audio_and_stems_of_the_yaml_are_checked(bs, change, reason):
    configured(bs, change)
    assert reason in fault(bs)


def test_missing_yaml_values_are_assumed_and_logged(bs, caplog):
    configured(bs, lambda tree: [tree.pop("audio"), tree.pop("training")])
    settings = load_model(bs).settings
    assert settings.stems == ("stem_1", "stem_2") and settings.sample_rate == 44_100
    for word in ("audio.sample_rate", "audio.chunk_size", "training.instruments"):
        assert word in caplog.text


def test_shared_biases_of_zero_are_ignored(bs, caplog):
    rewritten(bs, lambda weights: weights.update(linear_62_bias_0=torch.zeros(24), linear_64_bias_0=torch.zeros(4)))
    load_model(bs)
    assert "linear_62_bias_0 and linear_64_bias_0: ignored, because they are all zero" in caplog.text
    rewritten(bs, lambda weights: weights.update(linear_62_bias_0=torch.ones(24)))
    assert "linear_62_bias_0 is unknown" in fault(bs)


def test_nan_weights_are_rejected(bs):
    rewritten(bs, lambda weights: weights["final_norm.gamma"].fill_(torch.nan))
    assert "holds NaN or infinity in 1 of its weights, such as final_norm.gamma" in fault(bs)


def test_a_missing_norm_is_named(bs):
    rewritten(bs, lambda weights: weights.pop("final_norm.gamma"))
    assert "final_norm.gamma is missing" in fault(bs)
    bs.with_suffix(".yaml").unlink()
    assert "final_norm.gamma is missing" in fault(bs)


@pytest.mark.parametrize("key", ["band_split.to_features.0.0.gamma", "layers.0.0.layers.0.0.to_qkv.weight"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (0, 4), (3, 4), (1, 1, 1)])
@pytest.mark.parametrize("configured", [True, False])
def test_an_impossible_shape_is_reported_with_its_key(bs, key, shape, configured):
    rewritten(bs, lambda weights: weights.update({key: torch.ones(shape)}))
    if not configured:
        bs.with_suffix(".yaml").unlink()
    assert key in fault(bs) or "dim_head 0" in fault(bs)


@pytest.mark.parametrize("option", ["time_transformer_depth", "depth", "stft_n_fft", "dim_head", "dim", "heads"])
@pytest.mark.parametrize("value", [0, -1, 10**4, 10**8, 10**12, 10**30, True, "4", 4.5, None, [4]])
def test_an_impossible_count_is_rejected_at_once(bs, option, value):
    configured(bs, lambda tree: tree["model"].update({option: value}))
    assert f"model.{option} ({bs.with_suffix('.yaml')}, line " in fault(bs)


@pytest.mark.parametrize("value", [0, -1, 10**30, 10**400, True, 2.5, "8"])
@pytest.mark.parametrize("key", ["sample_rate", "chunk_size"])
def test_an_impossible_rate_or_chunk_is_rejected(bs, key, value):
    configured(bs, lambda tree: tree["audio"].update({key: value}))
    assert f"audio.{key} ({bs.with_suffix('.yaml')}, line " in fault(bs)


def test_too_many_layers_are_rejected(bs):
    large = {"dim": 65536, "mlp_expansion_factor": 65536, "mask_estimator_depth": 3}
    configured(bs, lambda tree: tree["model"].update(large))
    assert "at most 1048576 features" in fault(bs)


def test_bands_and_n_fft_that_disagree_are_both_named(bs):
    configured(bs, lambda tree: tree["model"].update(freqs_per_bands=[5, 20, 41]))
    message = fault(bs)
    assert "model.freqs_per_bands" in message and "sums to 66 bins" in message
    assert "model.stft_n_fft" in message and "of 128 makes 65" in message


def test_too_many_mel_bands_are_reported_with_the_file(tmp_path):
    torch.save(public_model.random_state("mel", MEL), tmp_path / "x.ckpt")
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(tree_for(MEL | {"num_bands": 60})))
    assert "a band without bins" in fault(tmp_path / "x.ckpt")


def test_the_stated_spectrum_is_used_if_several_fit(tmp_path):
    options = BS | {"stereo": False, "stft_n_fft": 250, "stft_win_length": 250, "freqs_per_bands": [2] * 63}
    torch.save(public_model.random_state("bs", options), tmp_path / "x.ckpt")
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(tree_for(options | {"depth": 3})))
    message = fault(tmp_path / "x.ckpt")  # as stereo, these would be bands of n_fft 124
    assert "model.depth" in message and "model.stereo" not in message and "model.stft_n_fft" not in message


def test_mel_bands_of_an_unusual_rate_do_not_hide_faults(tmp_path):
    options = MEL | {"sample_rate": 37_800}
    torch.save(public_model.random_state("mel", options), tmp_path / "x.ckpt")
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(tree_for(options | {"depth": 3})))
    assert f"model.depth ({tmp_path / 'x.yaml'}, line" in fault(tmp_path / "x.ckpt")


def test_weights_are_parsed_even_if_their_yaml_is_invalid(bs):
    configured(bs, lambda tree: tree["model"].update(colour="red"))
    opened = open_checkpoint(bs)
    assert opened.settings.trunk.dim == 4
    assert "model.colour" in str(opened.differences[0])


@pytest.mark.parametrize("path", [5, None, ["a", "b"], "a" * 300, "\0"])
def test_a_reference_that_is_not_a_path_is_rejected(bs, path):
    for arguments in ((path,), (bs, path)):
        if arguments != (bs, None):
            with pytest.raises(InputError):
                load_model(*arguments)


def test_a_file_without_weights_is_rejected(tmp_path):
    torch.save({}, tmp_path / "x.ckpt")
    assert "holds no weights" in fault(tmp_path / "x.ckpt")
    torch.save({"state_dict": {5: torch.ones(2)}}, tmp_path / "x.ckpt")
    assert "must be text, got int" in fault(tmp_path / "x.ckpt")


def test_layers_must_share_their_rotary_frequencies(bs):
    rewritten(bs, lambda weights: weights["layers.1.1.layers.0.0.rotary_embed.freqs"].add_(0.5))
    assert "other rotary frequencies in layers.1.1.layers.0.0" in fault(bs)


@pytest.mark.parametrize("digits", [9, 11, 5_000])
def test_a_key_with_an_absurd_number_is_rejected(bs, digits):
    rewritten(bs, lambda weights: weights.update({f"layers.{'9' * digits}.0.x": torch.ones(1)}))
    with pytest.raises(InputError, match=r"layers\.9+(\.\.\.9+)?\.0\.x is unknown"):
        load_model(bs)
    bs.with_suffix(".yaml").unlink()
    with pytest.raises(InputError, match=r"9{9}"):
        load_model(bs)


def test_a_native_checkpoint_rejects_a_yaml(tmp_path, tiny_model):
    weights = {key: tensor.contiguous() for key, tensor in tiny_model.state_dict().items()}
    described = {"format": 2, "model": tiny_model.settings.model_dump(mode="json")}
    safetensors.torch.save_file(weights, tmp_path / "own.safetensors", {"bsroformer": json.dumps(described)})
    mixture = torch.randn(1, 2, 500)
    assert torch.equal(load_model(tmp_path / "own.safetensors")(mixture), tiny_model(mixture))
    (tmp_path / "x.yaml").write_text("model: {}")
    assert "describes its own model" in fault(tmp_path / "own.safetensors", tmp_path / "x.yaml")
