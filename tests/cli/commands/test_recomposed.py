"""A running benchmark composes its setup again, with further words."""

from collections.abc import Iterator

import pytest
import yaml
from hydra.core.hydra_config import HydraConfig

from bsroformer.cli.commands.benchmark.recomposed import recomposed_setup
from bsroformer.cli.composition import Composer
from bsroformer.errors import InputError
from support.launched import CONFIGS

KNOWN_CHANGES = yaml.safe_load((CONFIGS / "what" / "ablation.yaml").read_text("utf-8"))["what"]["known_changes"]


@pytest.fixture
def job() -> Iterator[None]:
    """A running job of ``what=ablation`` with one more word."""
    tree = Composer("benchmark", []).compose(["what=ablation", "model.trunk.dim=32"])
    HydraConfig.instance().set_config(tree)
    yield
    HydraConfig.instance().cfg = None


def test_words_come_after_those_of_the_user(job):
    own, _ = recomposed_setup([])
    tree, setup = recomposed_setup(["optimizer=adamw", "data.batch_size=2"])
    assert own["settings"]["trunk"]["dim"] == tree["settings"]["trunk"]["dim"] == 32
    assert own["optimizer"]["_target_"].endswith("Muon")
    assert tree["optimizer"]["_target_"] == "torch.optim.AdamW"
    assert tree["optimizer"]["lr"] == own["optimizer"]["lr"]
    assert setup.batch_size == 2


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("optimizer=adamww", "optimizer=adamww must be one of adamw, muon"),
        ("optimiser.lr=1", r"optimiser\.lr=1: .* no key optimiser\.lr; did you mean optimizer\.lr"),
        ("data.batch_size=0", r"^data\.batch_size=0 must be 1 or more$"),
        ("loss.sdr=-1", r"loss\.sdr=-1"),
        ("data.batch_size=1,2", "several values"),
        ("adamw", "cannot be read as key=value"),
        ("scheduler.decay=much", r"scheduler\.decay=much"),
        ("what=training_step", "trains nothing that can be changed"),
    ],
)
def test_a_wrong_word_is_an_input_error(job, word, message):
    with pytest.raises(InputError, match=message):
        recomposed_setup([word])


def test_a_setup_that_cannot_be_built_is_an_input_error(job):
    weights = [f"loss.{name}=0" for name in ("magnitude", "complex", "si_sdr", "sdr")]
    with pytest.raises(InputError, match="one of the weights"):
        recomposed_setup(weights)


@pytest.mark.slow
@pytest.mark.parametrize("name", KNOWN_CHANGES)
def test_every_known_change_builds_a_model(job, name):
    tree, setup = recomposed_setup(KNOWN_CHANGES[name])
    assert tree != recomposed_setup([])[0]
    assert setup.recipe().model()
