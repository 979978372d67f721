import numpy as np
import pytest
import torch

from bsroformer.audio.files import read
from bsroformer.data.augment import Gain, Polarity, Stretch
from bsroformer.launch.preview import preview_effects

RATE = 16_000


@pytest.fixture(autouse=True)
def library() -> None:
    pytest.importorskip("python_stretch", reason="the optional library of pitch and tempo shifts is not installed")


def test_every_effect_is_heard_and_seen_once_whatever_its_probability(tmp_path):
    stem = 0.1 * torch.randn(2, RATE, generator=torch.Generator().manual_seed(0))
    effects = {"polarity": Polarity(0.0), "gain": Gain(0.0, (0.5, 0.5), "factor")}
    stretch = Stretch(0.0, (0.0, 0.0), (0.5, 0.5))
    files = preview_effects(effects, stretch, stem, RATE, tmp_path / "new", np.random.default_rng(0))
    assert sorted(path.name for path in files) == sorted(path.name for path in (tmp_path / "new").iterdir())
    sounds = {path.stem: read(path)[0] for path in files if path.suffix == ".wav"}
    assert sounds.keys() == {"original", "stretch", "polarity", "gain"}
    assert torch.equal(sounds["original"], stem)
    assert torch.equal(sounds["polarity"], -stem)
    assert torch.equal(sounds["gain"], stem / 2)
    assert sounds["stretch"].shape == (2, 2 * RATE)
    assert files[-1].name == "effects.png"
