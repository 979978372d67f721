import torch

from bsroformer.training.optimizer import parameter_groups


def test_each_parameter_is_in_one_group(tiny_model):
    decaying, others = parameter_groups(tiny_model)
    grouped = [id(parameter) for group in (decaying, others) for parameter in group["params"]]
    assert sorted(grouped) == sorted(id(parameter) for parameter in tiny_model.parameters())


def test_matrices_decay_and_scales_and_biases_do_not(tiny_model):
    decaying, others = parameter_groups(tiny_model)
    names = {id(parameter): name for name, parameter in tiny_model.named_parameters()}
    assert all(parameter.ndim >= 2 for parameter in decaying["params"])
    kept = [names[id(parameter)] for parameter in others["params"]]
    assert all("gamma" in name or name.endswith("bias") for name in kept)
    assert others["weight_decay"] == 0
    assert "weight_decay" not in decaying  # it is the optimiser's own


def test_with_no_gradient_only_matrices_shrink(tiny_model):
    before = {name: parameter.detach().clone() for name, parameter in tiny_model.named_parameters()}
    optimizer = torch.optim.AdamW(parameter_groups(tiny_model), lr=0.1, weight_decay=0.5)
    for parameter in tiny_model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for name, parameter in tiny_model.named_parameters():
        expected = before[name] * 0.95 if name.endswith("weight") else before[name]
        torch.testing.assert_close(parameter.detach(), expected)
