import json

import pytest

from bsroformer.errors import InputError
from bsroformer.models import ModelSettings
from bsroformer.models.empty_model import skeleton
from support.compression import tree

FAULTS = {
    "compression.bands": {"compression": {"bands": 1}},
    "compression.bands: ": {"compression": {"bands": 5000}},
    "compression.bands must be at most the 17 bins": {"compression": {"bands": 18}},
    "compression: dim must be a multiple of heads": {"compression": {"heads": 3}},
    "trunk: dim must be a multiple of norm_groups": {"trunk": {"norm_groups": 3}},
    "trunk.dropout": {"trunk": {"dropout": 1.0}},
    "trunk.kernel": {"trunk": {"kernel": 0}},
    "trunk.kernel: ": {"trunk": {"kernel": 10**6}},
    "trunk.depth": {"trunk": {"depth": 10**6}},
    "trunk.widht": {"trunk": {"widht": 3}},
    "stft: hop_length is too long": {"stft": {"hop_length": 32}},
    "chunk_seconds must be at least one hop": {"chunk_seconds": 1e-4},
    "the positional bias must have at most": {
        "compression": {"bands": 4096, "dim": 64, "heads": 64},
        "stft": {"n_fft": 2**17, "hop_length": 2**15},
        "chunk_seconds": 10.0,
    },
}


@pytest.mark.parametrize(("message", "changes"), FAULTS.items(), ids=FAULTS)
def test_a_wrong_setting_is_refused_by_its_key(message, changes):
    with pytest.raises(InputError) as refused:
        ModelSettings.from_dict(tree(**changes))
    assert message in str(refused.value)


def test_settings_survive_a_round_trip_through_json():
    settings = ModelSettings.from_dict(tree())
    plain = settings.model_dump(mode="json")
    assert ModelSettings.from_dict(json.loads(json.dumps(plain))) == settings
    assert plain["architecture"] == "spectral_compression"


def test_the_facts_name_all_sizes():
    facts = dict(ModelSettings.from_dict(tree()).facts())
    assert facts == {
        "spectrum": "n_fft 32, hop 8",
        "bands": "5 queries, dim 8 of a bin, 2 heads",
        "trunk": "dim 8, 2 blocks, 2 heads of 4",
        "networks": "hidden 12, kernel 4, 4 groups of the norm",
    }


def test_the_published_size_is_met():
    """The small model for MUSDB18-HQ has 5.8 M parameters (arXiv 2602.08671)."""
    published = tree(
        stems=["vocals", "drums", "bass", "other"],
        sample_rate=44_100,
        stft={"n_fft": 2048, "hop_length": 512},
        compression={"bands": 64, "dim": 64, "heads": 4, "hidden": 128},
        trunk={"dim": 96, "depth": 4, "heads": 4, "dim_head": 24, "hidden": 128, "kernel": 8},
    )
    weights = skeleton(ModelSettings.from_dict(published)).parameters()
    assert sum(weight.numel() for weight in weights) == pytest.approx(5.8e6, rel=0.02)
