"""Learning rates that differ between the parts of a model."""

from functools import partial

import pytest
import torch

from bsroformer.errors import InputError
from bsroformer.models.adaptation import Adaptation, adapt
from bsroformer.training.learning_rates import RatesByPart
from bsroformer.training.muon import MATRICES, Muon
from bsroformer.training.optimizer import make_optimizer_of
from support.adapted import lora

ADAMW = partial(torch.optim.AdamW, lr=0.5, weight_decay=0.1)
MUON = partial(Muon, lr=0.5)


@pytest.mark.parametrize("make", [ADAMW, MUON])
def test_each_part_has_its_rate(tiny_model, make):
    optimizer = make_optimizer_of(tiny_model, RatesByPart(make, 0.5, {"trunk": 0.1, "masks": 2}))
    names = {parameter: name for name, parameter in tiny_model.named_parameters()}
    rates = {names[each]: group["lr"] for group in optimizer.param_groups for each in group["params"]}
    assert rates.keys() == dict(tiny_model.named_parameters()).keys()
    for name, rate in rates.items():
        part = name.partition(".")[0]
        assert rate == {"blocks": 0.05, "final_norm": 0.05, "mask_estimators": 1.0, "band_split": 0.5}[part]


def test_groups_keep_their_other_settings(tiny_model):
    usual = make_optimizer_of(tiny_model, MUON)
    split = make_optimizer_of(tiny_model, RatesByPart(MUON, 0.5, {"trunk": 0.1}))

    def settings(optimizer):
        found = {}
        for group in optimizer.param_groups:
            stacks = group.get(MATRICES, [None] * len(group["params"]))
            for parameter, stack in zip(group["params"], stacks, strict=True):
                found[parameter] = (group["weight_decay"], stack)
        return found

    assert settings(split) == settings(usual)


def test_only_trained_parameters_are_in_groups(tiny_model):
    adapt(tiny_model, Adaptation(lora=lora()))
    for make in (ADAMW, MUON, RatesByPart(ADAMW, 0.5, {"masks": 2})):
        groups = make_optimizer_of(tiny_model, make).param_groups
        grouped = [parameter for group in groups for parameter in group["params"]]
        assert grouped and all(parameter.requires_grad for parameter in grouped)
        assert all(group["weight_decay"] > 0 for group in groups if group["params"])


def test_an_unknown_part_is_refused(tiny_model):
    with pytest.raises(InputError, match="lr_factors names 'head', and the parts of this model are band_split, trunk"):
        make_optimizer_of(tiny_model, RatesByPart(ADAMW, 0.5, {"head": 2}))
