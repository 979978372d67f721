import pytest
import torch

from bsroformer.evaluation.delay import constant_delay

RATE = 8000


@pytest.fixture(scope="module")
def stems():
    noise = torch.randn(3, 2, 3 * RATE, generator=torch.Generator().manual_seed(0))
    return noise * torch.tensor([0.1, 1.0, 0.01]).view(3, 1, 1)


def shifted(stems: torch.Tensor, delay: int) -> torch.Tensor:
    late = torch.zeros_like(stems)
    if delay >= 0:
        late[..., delay:] = stems[..., : stems.shape[-1] - delay]
    else:
        late[..., :delay] = stems[..., -delay:]
    return late


@pytest.mark.parametrize("delay", [-1105, -1, 1, 529, 2257, 3999])
def test_a_delay_of_all_stems_is_detected_to_the_sample(stems, delay):
    leaking = shifted(stems, delay) + 0.1 * shifted(stems, delay).sum(dim=0) * torch.tensor([0.1, 1.0, 0.01]).view(
        3, 1, 1
    )
    assert constant_delay(leaking, stems, RATE) == delay


def test_stems_that_are_in_place_or_shifted_apart_have_no_delay(stems):
    apart = torch.stack([shifted(stem, 100 * number) for number, stem in enumerate(stems)])
    assert constant_delay(stems, stems, RATE) == 0
    assert constant_delay(apart, stems, RATE) == 0


def test_estimates_unlike_their_stems_have_no_delay(stems):
    assert constant_delay(stems.flip(0), stems, RATE) == 0
    assert constant_delay(torch.zeros_like(stems), stems, RATE) == 0


def test_silent_stems_do_not_hide_the_delay_of_the_others(stems):
    some = stems.clone()
    some[1] = 0
    assert constant_delay(shifted(some, 50), some, RATE) == 50


def test_a_song_shorter_than_the_longest_delay_is_compared(stems):
    assert constant_delay(shifted(stems[..., :1000], 30), stems[..., :1000], RATE) == 30
