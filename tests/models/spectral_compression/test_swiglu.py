import torch

from bsroformer.models.spectral_compression.feed_forward import SwiGLU


def test_swiglu_is_norm_linear_gate_linear():
    network, x = SwiGLU(6, hidden=5), torch.randn(2, 4, 6)
    normed = x / x.square().mean(-1, keepdim=True).sqrt()
    values = normed @ network.to_values.weight.T
    gates = normed @ network.to_gates.weight.T
    torch.testing.assert_close(network(x), (values * gates * gates.sigmoid()) @ network.contract.weight.T)
