import pytest
import torch

from bsroformer.inference.stream_separator import StreamSeparator
from bsroformer.inference.two_passes import TwoPasses

MIXTURE = torch.randn(2, 1000, generator=torch.Generator().manual_seed(0))


class Unsure(StreamSeparator):
    """A stem that is half the mixture, and one with a bias that does not change its sign with the mixture."""

    stems = ("sure", "unsure")
    sample_rate = 100
    channels = 2

    def __init__(self, bias: float = 0.1) -> None:
        self.bias = bias

    def stream(self, mixture):
        for block in mixture:
            for part in block.split(7, dim=-1):
                yield torch.stack([0.5 * part, 0.5 * part + self.bias])


@pytest.mark.parametrize("delay", [0, 13])
def test_the_result_is_the_mean_of_both_passes(delay):
    both = TwoPasses(Unsure(), delay)
    stems = torch.cat(list(both.stream(MIXTURE.split(110, dim=-1))), dim=-1)
    torch.testing.assert_close(stems, (0.5 * MIXTURE).expand(2, 2, -1))


def test_the_agreement_is_the_ratio_of_mean_and_difference():
    both = TwoPasses(Unsure(bias=0.1), delay=13)
    both(MIXTURE)
    agreement = both.agreement()
    assert agreement["sure"] > 100
    expected = 10 * torch.log10((0.5 * MIXTURE).square().mean() / 0.2**2)
    assert agreement["unsure"] == pytest.approx(float(expected), abs=1e-3)


def test_each_mixture_is_measured_alone():
    both = TwoPasses(Unsure(bias=0.1), delay=0)
    both(10 * MIXTURE)
    loud = both.agreement()["unsure"]
    both(MIXTURE)
    assert both.agreement()["unsure"] == pytest.approx(loud - 20, abs=1e-3)
