import numpy as np
import pytest
import torch

from bsroformer.audio.files import read
from bsroformer.cli.commands.prepare.preview import effect_pairs, write_pairs
from bsroformer.data.augment import Gain, Polarity, Stretch
from support.augments import NO_MIXUP, augment

RATE = 16_000


@pytest.fixture(autouse=True)
def library() -> None:
    pytest.importorskip("python_stretch", reason="the optional library of pitch and tempo shifts is not installed")


def test_every_effect_is_written_once_at_any_probability(tmp_path):
    generator = torch.Generator().manual_seed(0)
    stem, other = 0.1 * torch.randn(2, 2, RATE, generator=generator)
    effects = {"polarity": Polarity(0.0), "gain": Gain(0.0, (0.5, 0.5), "factor")}
    changes = augment(stretch=Stretch(0.0, (0.0, 0.0), (0.5, 0.5)), effects=effects, mixup=NO_MIXUP)
    pairs = effect_pairs(changes, stem, [other], RATE, np.random.default_rng(0))
    write_pairs(pairs | {"mix": (other, stem)}, RATE, tmp_path / "new")
    sounds = {path.stem: read(path)[0] for path in (tmp_path / "new").glob("*.wav")}
    assert sounds.keys() == {"original", "stretch", "polarity", "gain", "mixup", "mix-before", "mix"}
    assert torch.equal(sounds["original"], stem)
    assert torch.equal(sounds["polarity"], -stem)
    assert torch.equal(sounds["gain"], stem / 2)
    assert torch.equal(sounds["mixup"], stem + other)
    assert torch.equal(sounds["mix-before"], other) and torch.equal(sounds["mix"], stem)
    assert sounds["stretch"].shape == (2, 2 * RATE)
    assert (tmp_path / "new" / "effects.png").stat().st_size > 10_000
