import sys
from typing import Any

import pytest
import torch

from benchmarks.public_step import PublicModel, PublicStep, whole_hops
from bsroformer.errors import InputError
from bsroformer.models import ModelSettings
from bsroformer.models.bs_roformer import BandSplitRoformer
from support.benchmarked import step_settings, with_paper_bands

pytestmark = pytest.mark.filterwarnings("ignore")  # of the package


@pytest.fixture
def tree(tiny_tree) -> dict[str, Any]:
    return {**with_paper_bands(tiny_tree), "masks": {"expansion": 4}}


def benchmark(tree: dict[str, Any], **changes: Any) -> PublicStep:
    return PublicStep(**step_settings(tree, **{"seconds": 0.3, "residual_streams": 1, **changes}))


def test_a_missing_package_is_reported_with_the_install_command(tree, monkeypatch):
    monkeypatch.setitem(sys.modules, "bs_roformer", None)
    with pytest.raises(InputError, match=r"pip install .*\[benchmark\]"):
        benchmark(tree).run()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"masks": {"expansion": 2}}, "mlp_expansion_factor 4 only"),
        ({"trunk": {"dim": 8, "depth": 1, "heads": 2, "dim_head": 4, "skip_connection": True}}, "skip_connection"),
    ],
)
def test_a_model_that_the_package_lacks_is_named(tree, changes, named):
    with pytest.raises(InputError, match=named):
        PublicModel(BandSplitRoformer(ModelSettings.from_dict({**tree, **changes})))


def test_a_model_with_mel_bands_is_not_compared(tree):
    trunk = {**tree["trunk"], "norm": "each_transformer"}
    mel = {**tree, "sample_rate": 44_100, "bands": {"layout": "mel", "count": 60}, "trunk": trunk}
    with pytest.raises(InputError, match="side by side"):
        PublicModel(BandSplitRoformer(ModelSettings.from_dict(mel)))


@pytest.mark.parametrize("changes", [{"repeats": 0}, {"residual_streams": 0}, {"seconds": 0.01}])
def test_an_impossible_setting_is_named(tree, changes):
    with pytest.raises(InputError, match=next(iter(changes))):
        benchmark(tree, **changes).run()


def test_samples_beyond_whole_hops_are_cut(tree):
    settings = ModelSettings.from_dict(tree)
    assert whole_hops(torch.zeros(1, 4, 2, 1100), settings).shape[-1] == 1024


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_step_makes_a_fraction_of_the_packages_calls(tree, precision):
    """The benchmark itself checks that both compute the same."""
    pytest.importorskip("bs_roformer.bs_roformer", reason="the extra `benchmark` is not installed")
    found = benchmark(tree, precision=precision).run()
    assert found.ratios["operator_calls"] > 6  # two blocks; with the four of `lite` it is more
    assert found.ratios["megabytes_saved_per_second_of_audio"] > 0.9
