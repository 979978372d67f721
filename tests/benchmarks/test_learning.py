import json
import sys
from functools import partial
from types import ModuleType
from typing import get_args

import pytest
import torch
from torch import nn
from torch.optim import AdamW

from benchmarks import Learning
from benchmarks.learning import Method
from benchmarks.learning_peers import CONSTANT, Peer, band_widths, recipes, with_sdr
from benchmarks.learning_recipe import Recipe
from bsroformer.errors import InputError
from bsroformer.losses import MultiDomainLoss, WeightedSum
from bsroformer.models.bs_roformer.settings import roformer_settings
from support.benchmarked import training_setup, with_wide_bands
from support.launched import composed
from support.mask_net import small

FIGURES = {"parameters", "steps", "cpu_seconds", "si_sdr", "si_sdr_improvement", "sdr"}


class PublicMasks(nn.Module):
    """Masks of a stem as in the packages, ``(f z)`` for each band; they do not depend on the mixture."""

    def __init__(self) -> None:
        super().__init__()
        self.to_freqs = nn.ModuleList(
            nn.Sequential(nn.Sequential(nn.Linear(1, 1), nn.Tanh(), nn.Linear(1, 2 * values)), nn.GLU())
            for values in (4, 6)
        )
        for weight in self.parameters():
            nn.init.zeros_(weight)

    def forward(self):
        masks = [band(torch.ones(1)) for band in self.to_freqs]
        return torch.view_as_complex(torch.cat(masks).unflatten(-1, (-1, 2)))


class PublicRoformer(nn.Module):
    """A peer with one gain per stem, which drops the samples after the last whole hop."""

    def __init__(self, num_stems: int, stft_hop_length: int, **options: object) -> None:
        super().__init__()
        self.mask_estimators = nn.ModuleList(PublicMasks() for _ in range(num_stems))
        self.hop = stft_hop_length
        self.options = options

    def forward(self, mixture):
        frames = mixture.shape[-1] // self.hop * self.hop
        gains = torch.stack([masks().real.mean() for masks in self.mask_estimators])  # (n)
        return gains[:, None, None] * mixture[..., :frames].unsqueeze(1)


@pytest.fixture
def public_package(monkeypatch) -> None:
    """A package bs_roformer with a small model."""
    package = ModuleType("bs_roformer")
    package.BSRoformer = PublicRoformer
    monkeypatch.setitem(sys.modules, "bs_roformer", package)
    monkeypatch.setattr("benchmarks.learning.version", lambda package: "1.2.4")


@pytest.fixture
def tree(tiny_tree) -> dict:
    return with_wide_bands(tiny_tree)


@pytest.fixture
def learning(tree, songs_root):
    def make(**changes) -> Learning:
        setup = training_setup(tree, songs_root)
        usual = {"setup": setup, "adamw": partial(AdamW, lr=1e-2), "methods": ["ours"], "cpu_seconds": 0.2, "seed": 0}
        return Learning(**{**usual, **changes})

    return make


def test_every_method_is_trained_for_the_time_and_scored(learning, public_package):
    ranking = learning(methods=["ours", "bs_roformer_adapted"]).run()
    found = ranking.to_dict()
    assert json.loads(json.dumps(found)) == found
    assert list(ranking.methods) == ["ours", "bs_roformer_adapted"]
    for figures in ranking.methods.values():
        assert figures.keys() == FIGURES
        assert figures["steps"] >= 1 and 0 < figures["cpu_seconds"] < 2
        assert torch.tensor(list(figures.values())).isfinite().all()
    assert found["conditions"]["bs-roformer"] == "1.2.4"
    assert ranking.table().row_count == 2


def test_a_gain_has_the_si_sdr_of_the_mixture(learning, public_package):
    figures = learning(methods=["bs_roformer_adapted"]).run().methods["bs_roformer_adapted"]
    assert figures["si_sdr_improvement"] == pytest.approx(0, abs=1e-3)


def test_a_missing_package_is_named_before_any_training(learning, monkeypatch):
    monkeypatch.setitem(sys.modules, "bs_roformer", None)
    with pytest.raises(InputError, match=r"bs-roformer .* pip install .*what\.methods"):
        learning(methods=["ours", "bs_roformer"], cpu_seconds=1e6).run()


def test_msst_is_installed_without_its_older_pytorch(learning, monkeypatch):
    monkeypatch.setitem(sys.modules, "msst.models.scnet", None)
    with pytest.raises(InputError, match=r"pip install --no-deps msst"):
        learning(methods=["msst_scnet"]).run()


def test_the_adapted_peer_has_our_bands_and_settings(learning, tree, public_package):
    settings = roformer_settings(tree)
    own = Recipe(small, nn.Identity(), AdamW, CONSTANT, seconds=1.0, clip=1.0)
    found = recipes(own, partial(AdamW, lr=2e-3), settings)
    adapted = found["bs_roformer_adapted"]
    assert adapted.model().model.options["freqs_per_bands"] == (256, 769)
    assert (adapted.loss, adapted.seconds, adapted.clip) == (own.loss, own.seconds, own.clip)
    assert "freqs_per_bands" not in found["bs_roformer"].model().model.options


def test_adapted_masks_start_around_an_equal_share(learning, public_package):
    recipes_of = learning(methods=["bs_roformer", "bs_roformer_adapted"])._recipes()
    theirs, adapted = (recipe.model().model.mask_estimators for recipe in recipes_of.values())
    for masks in adapted:
        torch.testing.assert_close(masks(), torch.full((5,), 0.25 + 0j))
    assert not any(masks().any() for masks in theirs)


def test_the_adapted_scnet_trains_with_sdr_alone(tree):
    own = Recipe(small, MultiDomainLoss(0.5, 0.3, 0.1, 512, 512, sdr=0.2), AdamW, CONSTANT, seconds=1.0)
    found = recipes(own, AdamW, roformer_settings(tree))
    assert found["msst_scnet_adapted"].loss.weights == pytest.approx(
        {"magnitude": 0.5, "complex": 0.3, "si_sdr": 0.0, "sdr": 0.3}
    )
    assert own.loss.weights["si_sdr"] == 0.1


def test_sdr_replaces_si_sdr_in_a_sum_of_losses_too():
    part = MultiDomainLoss(0.5, 0.3, 0.1, 512, 512)
    changed = with_sdr(WeightedSum({"multi_domain": part}, {"multi_domain": 2.0}))
    assert changed.parts["multi_domain"].weights["sdr"] == 0.1
    assert changed.parts["multi_domain"].weights["si_sdr"] == 0


def test_a_peer_returns_stems_as_long_as_the_mixture():
    peer = Peer(PublicRoformer(num_stems=2, stft_hop_length=8), hop_length=8)
    assert peer(torch.randn(1, 2, 30)).shape == (1, 2, 2, 30)


def test_overlapping_bands_are_refused(tree):
    settings = roformer_settings({**tree, "bands": {"layout": "mel", "count": 5}})
    with pytest.raises(InputError, match=r"model\.bands\.layout=mel"):
        band_widths(settings)


def test_our_recipe_is_the_demos():
    ours = composed("benchmark", "what=learning").benchmark.arguments["setup"]
    demo = composed("train", "experiment=demo")
    assert ours["settings"] == demo.model
    assert ours["loss"] == demo.loss.tree
    assert ours["optimizer"] == demo.optimizer.tree
    assert ours["scheduler"] == demo.scheduler.tree
    assert ours["augment"] == demo.augment.tree
    assert ours["clip"] == demo.trainer.arguments["gradient_clip_val"]


def test_the_methods_are_those_that_have_a_recipe(tree):
    own = Recipe(small, nn.Identity(), AdamW, CONSTANT, seconds=1.0)
    assert tuple(recipes(own, AdamW, roformer_settings(tree))) == get_args(Method)


def test_an_unknown_method_is_one_sentence():
    with pytest.raises(InputError, match=r"what\.methods"):
        composed("benchmark", "what=learning", "what.methods=[theirs]")


@pytest.mark.parametrize("method", get_args(Method)[1:])
def test_the_packages_models_separate(method, learning):
    """With the sizes of a small model and the released packages, where they are installed."""
    module = "bs_roformer.bs_roformer" if method.startswith("bs_") else "msst.models.scnet"
    pytest.importorskip(module, reason="the extra `benchmark` is not installed")
    recipe = learning(methods=[method])._recipes()[method]
    model = recipe.model().eval()
    mixture = torch.randn(1, 2, 4500)
    with torch.no_grad():
        stems = model(mixture)
    assert stems.shape == (1, 4, 2, 4500)
    if method.endswith("roformer_adapted"):
        gains = (stems * mixture).sum((0, 2, 3)) / mixture.square().sum()
        torch.testing.assert_close(gains, torch.full((4,), 0.25), atol=0.05, rtol=0)
