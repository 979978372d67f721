"""The registry of architectures and the abilities of models."""

import re
from typing import Literal

import pytest
import torch
import yaml
from omegaconf import OmegaConf

from bsroformer import InputError, ModelSettings
from bsroformer.models import registry
from bsroformer.models.abilities import (
    CompilesBlocks,
    EstimatesActivations,
    ExportsRealCore,
    HasStemParts,
    RecomputesBlocks,
    SelectsStems,
    set_recomputed_blocks,
)
from bsroformer.models.bs_roformer import BandSplitRoformer, RoformerSettings
from bsroformer.models.empty_model import blank_model, count_recomputable_blocks, skeleton
from support import mask_net
from support.launched import REPOSITORY

HOUSE = ["bs_roformer", "spectral_compression"]
ABILITIES = (CompilesBlocks, ExportsRealCore, HasStemParts, RecomputesBlocks, SelectsStems)


@pytest.fixture
def registered():
    with mask_net.registered():
        yield


def test_settings_without_architecture_are_bs_roformer(tiny_tree):
    settings = ModelSettings.from_dict(tiny_tree)
    assert type(settings) is RoformerSettings
    assert settings == ModelSettings.from_dict({**tiny_tree, "architecture": "bs_roformer"})
    assert type(registry.build_model(settings)) is BandSplitRoformer


def test_only_other_architectures_are_written(tiny_tree, registered):
    assert "architecture" not in ModelSettings.from_dict(tiny_tree).model_dump(mode="json")
    settings = ModelSettings.from_dict(mask_net.tree())
    assert settings.model_dump(mode="json") == mask_net.tree()
    assert next(iter(settings.leaves())) == "architecture"


@pytest.mark.parametrize("name", ["os", "bs_roformer.public", "settings", "../x", "", 3, None, ["bs_roformer"]])
def test_a_file_cannot_choose_code_by_architecture(tiny_tree, name):
    with pytest.raises(InputError, match=r"x\.ckpt has architecture=.*; it must be one of bs_roformer"):
        ModelSettings.from_dict({**tiny_tree, "architecture": name}, "x.ckpt")


def test_settings_are_checked_by_their_architecture(tiny_tree, registered):
    with pytest.raises(InputError, match="stft: extra inputs"):
        ModelSettings.from_dict({**tiny_tree, "architecture": "mask_net"})
    with pytest.raises(InputError, match="n_fft: extra inputs"):
        ModelSettings.from_dict({**mask_net.tree(), "architecture": "bs_roformer"})


def test_the_name_of_an_architecture_is_that_of_its_settings():
    class Misnamed(mask_net.MaskNetSettings):
        architecture: Literal["mask_net"] = "mask_net"

    with pytest.raises(ValueError, match=r"Misnamed\.architecture must default to 'other', got 'mask_net'"):
        registry.register_architecture("other", Misnamed)


def test_every_folder_of_models_is_an_architecture():
    assert [each.name for each in registry.architectures()] == registry.architecture_names() == HOUSE


def test_a_registered_architecture_is_known_until_removed():
    with mask_net.registered():
        assert registry.architecture_names() == sorted([*HOUSE, "mask_net"])
        assert registry.find_architecture("mask_net").model is mask_net.MaskNet
    assert registry.architecture_names() == HOUSE


def test_abilities_match_the_methods_of_a_model(tiny_model):
    plain = mask_net.small()
    for ability in ABILITIES:
        assert isinstance(tiny_model, ability)
        assert not isinstance(plain, ability)
    assert not isinstance(tiny_model, EstimatesActivations)


def test_blocks_to_recompute_are_counted_from_settings(tiny_tree, registered):
    assert count_recomputable_blocks(ModelSettings.from_dict(tiny_tree)) == 2
    assert count_recomputable_blocks(ModelSettings.from_dict(mask_net.tree())) == 0
    set_recomputed_blocks(mask_net.small(), 0)
    with pytest.raises(ValueError, match="MaskNet cannot recompute blocks"):
        set_recomputed_blocks(mask_net.small(), 1)


def test_any_architecture_is_built_without_weights(registered):
    model = mask_net.small()
    assert all(tensor.is_meta for tensor in skeleton(model.settings).parameters())
    blank = blank_model(model.settings)
    blank.load_state_dict(model.state_dict())
    mixture = torch.randn(1, 2, 500)
    torch.testing.assert_close(blank(mixture), model(mixture), rtol=0, atol=0)


def test_a_real_core_computes_what_the_model_does(tiny_model):
    core = tiny_model.real_core()
    mixture = torch.randn(1, 2, 800)
    inputs, context = core.split(mixture)
    with torch.no_grad():
        stems = core.join(core.network()(inputs), context, length=800)
        torch.testing.assert_close(stems, tiny_model(mixture), rtol=1e-4, atol=1e-6)


def test_the_documented_example_is_an_architecture():
    page = (REPOSITORY / "docs" / "architectures.md").read_text("utf-8")
    [code] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    [config] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    audio = {"sample_rate": 8000, "channels": 2, "n_fft": 64, "hop_length": 16}
    cfg = OmegaConf.create(
        {"audio": audio, "data": {"stems": ["a", "b"], "seconds": 1.0}, "model": yaml.safe_load(config)}
    )
    exec(compile(code, "docs/architectures.md", "exec"), {"__name__": "documented"})
    try:
        model = registry.build_model(ModelSettings.from_dict(OmegaConf.to_container(cfg, resolve=True)["model"]))
        assert model(torch.zeros(1, 2, 777)).shape == (1, 2, 2, 777)
    finally:
        registry.unregister_architecture("mask_net")


def test_former_import_path_names_the_same_classes():
    from bsroformer import model

    assert model.BandSplitRoformer is BandSplitRoformer
    assert model.ModelSettings is ModelSettings
