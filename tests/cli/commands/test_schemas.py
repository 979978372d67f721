"""Schemas of all root configs: right values pass, wrong ones are named."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hydra.errors import InstantiationException

from bsroformer.cli.commands.train.resume.trusted_classes import known_groups
from bsroformer.cli.config_classes import OURS
from bsroformer.cli.dotted_keys import at, keys, put
from bsroformer.cli.resolved_config import composed_trees
from bsroformer.cli.schemas.arguments import argument_faults, arguments_of
from bsroformer.cli.schemas.components import Component
from bsroformer.cli.schemas.config import Config
from bsroformer.cli.validation import SCHEMAS, schema_of
from bsroformer.errors import InputError
from support.launched import CONFIGS, composed, composed_tree

TRIED = ("abc", -1, 0, None, [], {}, True, 1e9)
NEEDED = {"separate": ("ckpt=a.ckpt", "input=a.wav"), "checkpoint": ("ckpt=a.ckpt",)}
TREES = {
    **{name: (name, *NEEDED.get(name, ())) for name in SCHEMAS if name != "check_gpu"},  # which has the keys of train
    "demo": ("train", "data=demo", "loss=multi_domain_and_resolution", "scheduler=plateau"),
    "steps": ("train", "callbacks=[default,budget,early_stopping,prune]", "scheduler=constant_then_decay"),
}
GROUPS = ("augment", "callbacks", "data", "debug", "experiment", "logger", "loss", "model", "scheduler", "trainer")
CHOICES = [(group, path.stem) for group in GROUPS for path in sorted((CONFIGS / group).glob("*.yaml"))]
LOSS_WEIGHTS = ("loss.magnitude", "loss.complex", "loss.si_sdr", "loss.sdr")
WRONG = (
    ("train", "scheduler.final=abc", "scheduler.final=abc must be a number"),
    ("train", "trainer.accumulate_grad_batches=-1", "trainer.accumulate_grad_batches=-1 must be 1 or more"),
    ("train", "trainer.accumulate_grad_batches=null", "trainer.accumulate_grad_batches=null must be a whole number"),
    ("train", "trainer.gradient_clip_val=-1", "trainer.gradient_clip_val=-1 must be 0 or more"),
    ("train", "trainer.max_epochs=0", "trainer.max_epochs=0 must be 1 or more, or -1 for no limit"),
    ("train", "trainer.check_val_every_n_epoch=0", "trainer.check_val_every_n_epoch=0 must be 1 or more"),
    ("train", "trainer.log_every_n_steps=abc", "trainer.log_every_n_steps=abc must be a whole number"),
    ("train", "optimizer._partial_=false", "optimizer._partial_=false must be true"),
    ("train", "scheduler._partial_=abc", "scheduler._partial_=abc must be true"),
    ("train", "optimizer.lr=1e9", "optimizer.lr=1000000000.0 must be at most 100"),
    ("train", "optimizer.lr=nan", "optimizer.lr=nan must be a finite number"),
    ("train", "optimizer.betas=[]", "optimizer.betas=[] must be a list of two numbers"),
    ("train", "loss.magnitude=-1", "loss.magnitude=-1 must be 0 or more"),
    ("train", "loss.hop_length=0", "loss.hop_length=0 must be 1 or more"),
    ("train", "ckpt_path=0", "ckpt_path=0 must be a path"),
    ("train", "init_from=[]", "init_from=[] must be a path"),
    ("train", "seed=abc", "seed=abc must be a whole number"),
    ("train", "seed=true", "seed=true must be a whole number"),
    ("train", "evaluate=no", "evaluate=no must be true or false"),
    ("train", "compile=-1", "compile=-1 must be auto, true or false"),
    ("train", "data.stems=[]", "data.stems=[] must be a list of at least one word"),
    ("train", "data.seconds=0", "data.seconds=0 must be above 0"),
    ("train", "data.valid_per_song=x", "data.valid_per_song=x must be all or a whole number"),
    ("train", "data=folder data.root=x data.valid_songs=3", "data.valid_songs=3 must be a list or a word"),
    ("prepare", "stem=[]", "stem=[] must be a word"),
    ("prepare", "seed=abc", "seed=abc must be a whole number"),
    ("eval", "overlap=abc", "overlap=abc must be a number"),
    ("eval", "config=abc", "config belongs to a checkpoint, and ckpt is null"),
    ("eval", "sha256=abc", "sha256=abc must be the 64 hexadecimal digits"),
    ("checkpoint", "overwrite=no", "overwrite=no must be true or false"),
    ("checkpoint", "overwrite='false'", "overwrite=false must be true or false"),
    ("app", "tta=abc", "tta=abc must be a list of channel_swap and polarity"),
    ("app", "chunk_seconds=-1", "chunk_seconds=-1 must be above 0"),
    ("app", "device=abc", "device=abc must be auto, cpu, mps"),
    ("app", "precision=abc", "precision=abc must be one of auto, fp32, bf16, fp16"),
    ("app", "engine=abc", "engine=abc must be one of torch, openvino, auto"),
    ("app", "overlap=-1", "overlap=-1 must be 0 or more"),
    ("app", "shifts=-1", "shifts=-1 must be 1 or more"),
    ("app", "port=0", "port=0 must be 1 or more"),
    ("app", "root_path=abc", "root_path=abc must be a path that starts with /"),
    ("separate", "ckpt=null", "ckpt=null must be a path"),
    ("separate", "shard.index=4", "shard.index=4 must be from 0 to shard.count - 1 = 0"),
    ("separate", "stems=[a] two_stems=b", "two_stems writes a stem and the residual"),
)


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_every_choice_of_a_group_is_valid(group, choice):
    cfg = composed("train", f"{group}=[default,{choice}]" if group == "callbacks" else f"{group}={choice}")
    assert cfg.settings.stems


@pytest.mark.parametrize(("command", "overrides", "message"), WRONG)
def test_a_wrong_value_is_named_with_what_is_allowed(command, overrides, message):
    with pytest.raises(InputError) as refused:
        composed(command, *NEEDED.get(command, ()), *overrides.split())
    assert message in str(refused.value)


def test_all_wrong_keys_are_named_once_each():
    with pytest.raises(InputError) as refused:
        composed("train", "data.stems=[]", "seed=-1", "audio.sample_rate=0")
    message = str(refused.value)
    assert sorted(sentence.partition("=")[0] for sentence in message.split("; ")) == [
        "audio.sample_rate",
        "data.stems",
        "seed",
    ]


def test_keys_without_a_value_are_named():
    with pytest.raises(InputError, match=r"key ckpt has no value; .* ckpt=...; the key input has no value"):
        composed("separate")


def test_unknown_keys_of_our_own_are_refused():
    tree = composed("app").tree | {"colour": "red"}
    with pytest.raises(InputError, match="colour=red is an unknown key"):
        schema_of("app").checked(tree)


def test_accounts_are_not_repeated_in_a_message():
    with pytest.raises(InputError, match=r"^auth must be name:password") as refused:
        composed("app", "auth={anna:hunter2}")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("weight", [0, -1])
def test_a_loss_without_a_positive_weight_is_refused(weight):
    with pytest.raises((InputError, InstantiationException), match=r"must be (0 or more|above 0)"):
        composed("train", *(f"{key}={weight}" for key in LOSS_WEIGHTS)).loss.build()


def test_the_arguments_of_all_our_classes_are_checked():
    ours = {target for group in known_groups().values() for target in group.targets if target.startswith(OURS)}
    assert all(arguments_of(target) is not None for target in ours)


def leaves(tree: dict[str, Any]) -> Iterator[str]:
    """The dotted keys of a tree's values, without ``task`` and targets."""
    for key, value in keys(tree):
        is_leaf = not isinstance(value, dict) or not value
        if is_leaf and key != "task" and not key.endswith("_target_") and not key.startswith("model."):
            yield key


@pytest.mark.parametrize("name", TREES)
def test_each_leaf_takes_any_value_or_names_its_key(name):
    command, *overrides = TREES[name]
    tree, written = composed_trees(composed_tree(command, *overrides))
    own = [key for key in leaves(tree) if "${" not in str(at(written, key))]
    for value in TRIED:
        changed = deepcopy(tree)
        for key in own:
            put(changed, key, value)
        named = {sentence.partition("=")[0] for sentence in refused(command, changed)}
        for key in own:
            if key not in named:
                builds_or_names(command, tree, key, value)


def refused(command: str, tree: dict[str, Any]) -> list[str]:
    """The faults of a tree, by key."""
    try:
        schema_of(command).checked(tree)
    except InputError as error:
        assert "\n" not in str(error)
        return str(error).split("; ")
    return []


def builds_or_names(command: str, tree: dict[str, Any], key: str, value: Any) -> None:
    """Build the part of an accepted value, or expect its key in an error."""
    changed = deepcopy(tree)
    put(changed, key, value)
    try:
        config = schema_of(command).checked(changed)
        if found := argument_faults(config):
            assert all(each.startswith(key) for each in found)
            return
        build(config, key)
    except InputError as error:
        assert key.rpartition(".")[2] in str(error)
    except InstantiationException as error:
        assert f"full_key: {key.partition('.')[0]}" in str(error)


def build(config: Config, key: str) -> None:
    """Build what a key belongs to, where that costs nothing."""
    part = getattr(config, key.partition(".")[0])
    if isinstance(part, Component) and key.partition(".")[0] in ("loss", "augment", "optimizer", "scheduler"):
        part.build()


def test_bytes_of_a_path_that_are_not_utf8_arrive(tmp_path):
    name = f"{tmp_path}/song\udcff.wav"
    cfg = composed("separate", f"input={quoted(name)}", "ckpt=x.ckpt", f"output={quoted(name)}")
    assert cfg.input == [name]
    assert str(cfg.output) == name


def quoted(path: str) -> str:
    """Quote a path in Hydra's grammar."""
    return f"'{path}'"


@pytest.mark.parametrize(
    "override",
    [
        "+trainer.strategy={_target_: lightning.pytorch.strategies.SingleDeviceStrategy, device: cpu}",
        "+trainer.val_check_interval='00:00:10:00'",
        "trainer.max_time={hours: 1.5}",
        "trainer.max_time='00:00:00:30'",
        "+trainer.max_time='00:00:00:30'",
    ],
)
def test_arguments_of_lightning_keep_their_forms(override, tmp_path):
    composed("train", override, f"data.root={tmp_path}")


def test_stems_must_be_a_list_under_the_key_as_typed(tmp_path):
    with pytest.raises(InputError, match=r"^data\.stems=vocals must be a list of at least one word$"):
        composed("prepare", "data.stems=vocals", f"data.root={tmp_path}")
