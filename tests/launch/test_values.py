"""Every value of every configuration is checked before anything is built."""

import pytest
from omegaconf import OmegaConf

from bsroformer.errors import InputError
from bsroformer.launch.values import RULES, check_values
from launched import composed

NONSENSE = ("abc", -1, 0, None, [], {}, True, 1e9, float("nan"), float("inf"), [[]], "")
NEEDED = {
    "separate": ["ckpt=a.ckpt", "input=a.wav"],
    "checkpoint": ["ckpt=a.ckpt"],
}


def config(task):
    return composed(task, *NEEDED.get(task, []), *(["data=demo"] if task in ("train", "check_gpu", "prepare") else []))


@pytest.mark.parametrize("task", RULES)
def test_the_configuration_as_it_is_passes(task):
    check_values(config(task))


@pytest.mark.parametrize("task", RULES)
def test_nonsense_is_refused_by_key_and_value(task):
    cfg = config(task)
    for key, rule in RULES[task].items():
        before = OmegaConf.select(cfg, key, default=...)
        if before is ...:
            continue
        for value in NONSENSE:
            OmegaConf.update(cfg, key, value, merge=False)
            if rule.fault(value) is None:
                continue
            with pytest.raises(InputError, match=rf"^{key}=.* must be ") as refused:
                check_values(cfg)
            assert "\n" not in str(refused.value)
        OmegaConf.update(cfg, key, before, merge=False)


@pytest.mark.parametrize(
    ("task", "override", "message"),
    [
        ("checkpoint", "overwrite=no", "overwrite=no must be true or false"),
        ("checkpoint", "overwrite=abc", "overwrite=abc must be true or false"),
        ("train", "trainer.accumulate_grad_batches=0", "must be 1 or more"),
        ("train", "trainer.accumulate_grad_batches=abc", "must be a whole number"),
        ("train", "trainer.max_epochs=0", "must be 1 or more, or -1"),
        ("train", "trainer.check_val_every_n_epoch=0", "must be 1 or more, or null"),
        ("train", "trainer.gradient_clip_val=-1", "must be 0 or more, or null"),
        ("train", "optimizer.lr=1e9", "optimizer.lr=1000000000.0 must be 0 or more and at most 100"),
        ("train", "optimizer.betas=[]", "must be a list of two numbers"),
        ("train", "optimizer._partial_=false", "must be one of True"),
        ("train", "scheduler.final=abc", "must be a number"),
        ("train", "init_from=[]", r"init_from=\[\] must be a word or null"),
        ("train", "ckpt_path=0", "must be a word or null"),
        ("train", "loss.magnitude=-1", "loss.magnitude=-1 must be 0 or more"),
        ("train", "data.source.train_songs=null", "must be a whole number"),
        ("prepare", "seed=abc", "must be a whole number"),
        ("eval", "overlap=abc", "must be a number"),
        ("app", "port=-1", "must be from 0 to 65535, or null"),
        ("app", "shifts=-1", "must be 1 or more"),
    ],
)
def test_a_wrong_value_is_one_sentence(task, override, message):
    cfg = composed(task, *NEEDED.get(task, []), *(["data=demo"] if task in ("train", "prepare") else []), override)
    with pytest.raises(InputError, match=message):
        check_values(cfg)


def test_weights_that_are_all_zero_are_refused():
    weights = [f"loss.{term}=0" for term in ("magnitude", "complex", "si_sdr")]
    with pytest.raises(InputError, match=r"loss\.magnitude, loss\.complex, loss\.si_sdr must not all be 0"):
        check_values(composed("train", *weights))
