import torch

from bsroformer.data.mixing import mix


def test_the_mixture_is_the_sum_of_the_stems():
    stems = torch.randn(5, 4, 2, 100)
    torch.testing.assert_close(mix(stems), stems[:, 0] + stems[:, 1] + stems[:, 2] + stems[:, 3])
    assert torch.equal(mix(stems)[2], mix(stems[2]))
