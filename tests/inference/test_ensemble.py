import pytest
import torch
from torch import Tensor

from bsroformer.errors import InputError
from bsroformer.inference import Ensemble
from bsroformer.inference.stream_separator import StreamSeparator
from bsroformer.inference.weighted_sum import weighted_sum


class Scaling(StreamSeparator):
    """A stand-in: each stem is the mixture times a number, in blocks of its own length."""

    channels = 2

    def __init__(self, block: int = 7, sample_rate: int = 100, **gains: float) -> None:
        self.stems, self.gains, self.block, self.sample_rate = tuple(gains), list(gains.values()), block, sample_rate

    def stream(self, mixture):
        whole = torch.cat(list(mixture), dim=-1)
        for part in whole.split(self.block, dim=-1):
            yield torch.stack([gain * part for gain in self.gains])


MIXTURE = torch.randn(2, 100, generator=torch.Generator().manual_seed(0))


def gains(ensemble: Ensemble) -> dict[str, float]:
    stems = ensemble(MIXTURE)
    assert stems.shape == (len(ensemble.stems), 2, 100)
    found = (stems * MIXTURE).sum(dim=(1, 2)) / MIXTURE.square().sum()
    torch.testing.assert_close(stems, found[:, None, None] * MIXTURE)
    return dict(zip(ensemble.stems, found.tolist(), strict=True))


def test_the_mean_ignores_order_block_lengths_and_case():
    members = [Scaling(vocals=1, drums=2, block=7), Scaling(Drums=4, Vocals=3, block=11)]
    assert gains(Ensemble(members)) == pytest.approx({"vocals": 2, "drums": 3})


def test_one_weight_for_each_member_or_some_for_each_stem():
    members = [Scaling(vocals=1, drums=2), Scaling(vocals=3, drums=4)]
    assert gains(Ensemble(members, [3, 1])) == pytest.approx({"vocals": 1.5, "drums": 2.5})
    assert gains(Ensemble(members, {"Vocals": [0, 5]})) == pytest.approx({"vocals": 3, "drums": 3})
    assert gains(Ensemble(members, {"vocals": [1, 0], "drums": [0, 1]})) == pytest.approx({"vocals": 1, "drums": 4})


def test_a_stem_that_only_some_have_is_the_mean_over_those():
    members = [Scaling(vocals=1), Scaling(vocals=2, drums=3), Scaling(drums=5)]
    assert gains(Ensemble(members)) == pytest.approx({"vocals": 1.5, "drums": 4})


@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        ([1], "one number for each of 2 checkpoints"),
        ({"vocals": [1, 2, 3]}, "one number for each of 2 checkpoints"),
        (["a", "b"], "one number for each of 2 checkpoints"),
        ([0, 0], "leave a stem without a share"),
        ([1, -1], "leave a stem without a share"),
        ([float("nan"), 1], "leave a stem without a share"),
        ({"piano": [1, 1]}, "weights name piano, and the stems are vocals"),
    ],
)
def test_weights_that_do_not_match_are_refused(weights, reason):
    with pytest.raises(InputError, match=reason):
        Ensemble([Scaling(vocals=1), Scaling(vocals=2)], weights)


def test_members_of_different_rates_are_refused():
    with pytest.raises(InputError, match="must have one sample rate"):
        Ensemble([Scaling(vocals=1), Scaling(vocals=1, sample_rate=200)])


def test_the_streams_are_read_side_by_side():
    """Otherwise the first stream would be held whole while the second is read."""
    read = [0, 0]

    def blocks(stream: int, length: int):
        for block in torch.ones(1, 1, 60).split(length, dim=-1):
            read[stream] += block.shape[-1]
            yield block

    given = 0
    for part in weighted_sum([blocks(0, 4), blocks(1, 10)], torch.ones(2, 1)):
        given += part.shape[-1]
        assert isinstance(part, Tensor) and (part == 2).all()
        assert max(read) - given < 10
    assert given == 60
