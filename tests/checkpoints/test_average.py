import pytest
import torch

from bsroformer import BandSplitRoformer, InputError, ModelSettings
from bsroformer.checkpoints import Checkpoint, open_checkpoint
from bsroformer.checkpoints.average import average_checkpoints
from bsroformer.checkpoints.save import save_weights


@pytest.fixture
def written(tmp_path, tiny_tree):
    """Write a model with random weights and open it."""

    def write(name: str, model: BandSplitRoformer | None = None, **changes) -> Checkpoint:
        model = model or BandSplitRoformer(ModelSettings.from_dict(tiny_tree | changes))
        save_weights(model, tmp_path / f"{name}.ckpt")
        return open_checkpoint(tmp_path / f"{name}.ckpt")

    return write


@pytest.mark.parametrize("count", [2, 3, 5])
def test_the_average_has_the_mean_of_each_weight(written, count):
    checkpoints = [written(str(number)) for number in range(count)]
    models = [checkpoint.model().state_dict() for checkpoint in checkpoints]
    for name, mean in average_checkpoints(checkpoints).state_dict().items():
        torch.testing.assert_close(mean, torch.stack([weights[name] for weights in models]).mean(0))


def test_the_average_of_equal_models_is_that_model(written, tiny_model):
    checkpoints = [written(name, tiny_model) for name in "abc"]
    average = average_checkpoints(checkpoints)
    assert not average.training and average.settings == tiny_model.settings
    assert all(torch.equal(average.state_dict()[name], weight) for name, weight in tiny_model.state_dict().items())


def test_only_models_of_equal_settings_are_averaged(written, tiny_tree):
    first = written("first")
    assert average_checkpoints([first, written("longer", chunk_seconds=0.2)]).settings == first.settings
    deeper = written("deeper", trunk=tiny_tree["trunk"] | {"depth": 3})
    with pytest.raises(InputError, match=r"first\.ckpt and .*deeper\.ckpt .*model\.trunk\.depth is 2, and there 3"):
        average_checkpoints([first, deeper])
    others = written("others", stems=["other", "vocals"])
    with pytest.raises(InputError, match=r"model\.stems is vocals, other, and there other, vocals"):
        average_checkpoints([first, others])
    with pytest.raises(InputError, match=r"at least two checkpoints; give ckpt=\[a\.ckpt,b\.ckpt\]"):
        average_checkpoints([first])
