"""Every configuration of the command line, composed and checked against the code."""

import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import pytest
import torch
import yaml
from hydra import compose, initialize_config_dir
from hydra.utils import get_object
from omegaconf import OmegaConf

from bsroformer.cli.commands.separate.separators import separator_of
from bsroformer.cli.commands.train.build import build_module
from bsroformer.cli.schemas.groups import AudioSettings, DataSettings, PathSettings
from bsroformer.cli.validation import schema_of
from bsroformer.inference import Separator
from bsroformer.models import ModelSettings
from bsroformer.models.registry import build_model
from support.launched import CONFIGS, composed

Tree = dict[str, Any]
FILES = sorted(CONFIGS.rglob("*.yaml"))
ROOTS = [path.stem for path in sorted(CONFIGS.glob("*.yaml"))]
LAST = ["hparams_search", "experiment", "debug"]  # groups that change other groups' values
NEVER_CHOSEN = {"_target_", "_partial_"}


def options(group: str) -> list[str]:
    return [path.stem for path in sorted((CONFIGS / group).glob("*.yaml"))]


def defaults_of(root: str) -> list[Any]:
    return yaml.safe_load((CONFIGS / f"{root}.yaml").read_text("utf-8")).get("defaults", [])


def groups_of(root: str) -> list[str]:
    """Groups of a root, in the order of its defaults.

    Hydra's own settings are skipped, and so is another root in the defaults, which is tested itself.
    """
    groups = [group for entry in defaults_of(root) if isinstance(entry, dict) for group in entry]
    return [group for group in groups if group != "hydra" and not group.startswith("override ")]


OPTIONS = [(root, group, option) for root in ROOTS for group in groups_of(root) for option in options(group)]
CHOICES = [(root,) for root in ROOTS] + [(root, f"{group}={option}") for root, group, option in OPTIONS]


@cache
def raw(root: str, *overrides: str) -> tuple[dict[str, str | None], Tree]:
    """The option of each group, and the composed tree with its interpolations."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        cfg = compose(root, overrides=list(overrides), return_hydra_config=True)
    groups = OmegaConf.to_container(cfg.hydra.runtime.choices)
    tree = OmegaConf.to_container(cfg)
    assert isinstance(groups, dict) and isinstance(tree, dict)
    del tree["hydra"]
    return {str(name): option for name, option in groups.items()}, {str(key): tree[key] for key in tree}


@cache
def tree(root: str, *overrides: str) -> Tree:
    """The resolved tree, with `x` for every missing value."""
    cfg = OmegaConf.create(raw(root, *overrides)[1])
    for path, value in leaves(raw(root, *overrides)[1]):
        if value == "???":
            OmegaConf.update(cfg, path, "x")
    resolved = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    assert isinstance(resolved, dict)
    return {str(key): value for key, value in resolved.items()}


def nodes(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every node of a tree below its root with its dotted path, parents first."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        inner = f"{path}.{key}" if path else str(key)
        yield inner, value
        yield from nodes(value, inner)


def leaves(tree: Any) -> Iterator[tuple[str, Any]]:
    return ((path, value) for path, value in nodes(tree) if not isinstance(value, dict | list))


def targets(tree: Tree) -> Iterator[tuple[str, Tree]]:
    """Every node that is instantiated."""
    return ((path, node) for path, node in nodes(tree) if isinstance(node, dict) and "_target_" in node)


def parameters(target: str) -> dict[str, inspect.Parameter]:
    """Names of the keyword parameters of a class or function."""
    found = inspect.signature(get_object(target)).parameters
    variadic = inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL
    return {name: parameter for name, parameter in found.items() if parameter.kind not in variadic}


@pytest.mark.parametrize("choice", CHOICES, ids=" ".join)
def test_every_target_accepts_its_arguments(choice):
    for path, node in targets(tree(*choice)):
        given = node.keys() - NEVER_CHOSEN
        assert given <= parameters(node["_target_"]).keys(), path
        signature = inspect.signature(get_object(node["_target_"]))
        bind = signature.bind_partial if node.get("_partial_") else signature.bind
        bind(**{name: node[name] for name in given})


@pytest.mark.parametrize("choice", CHOICES[len(ROOTS) :], ids=" ".join)
def test_an_option_adds_no_unread_key(choice):
    """Misspelt keys merge silently, so an option's keys outside its group are checked."""
    root, override = choice
    group = override.split("=")[0]
    usual, groups = raw(root)[0], raw(*choice)[0]
    others = [f"{name}={groups[name]}" for name in groups_of(root) if name not in (group, *LAST)]
    changed = [other for other in others if other.split("=")[1] != usual[other.split("=")[0]]]
    assert not unread(raw(*choice)[1], raw(root, *changed)[1], group)


def unread(changed: Tree, usual: Tree, group: str) -> list[str]:
    """Keys that `changed` adds to `usual` outside `group` and that nothing refers to.

    Instantiated nodes are checked by their signatures instead.
    """
    known = {path for path, _ in nodes(usual)}
    called = [path for path, _ in targets(changed)]
    return [
        path
        for path, _ in nodes(changed)
        if re.sub(r"(\.\d+)+$", "", path) not in known  # a list may have any items
        and path.split(".")[0] != group
        and not any(f"{path}.".startswith(f"{place}.") for place in called)
        and f"${{{path}}}" not in str(changed)
    ]


def test_a_misspelt_key_is_found():
    usual = {"data": {"seconds": 6}, "trainer": {"_target_": "lightning.Trainer"}, "evaluate": False}
    changed = {
        "data": {
            "seconds": 6,
            "secnods": 3,
            "length": 3,
            "source": {"_target_": "x", "length": "${data.length}"},
        },
        "trainer": {"_target_": "lightning.Trainer", "max_steps": 3},
        "evalaute": True,
    }
    assert unread(changed, usual, "experiment") == ["data.secnods", "evalaute"]


@pytest.mark.parametrize("root", ROOTS)
def test_every_plain_key_has_a_field_or_is_referred_to(root):
    """The command's schema or another key names each key outside a `_target_`."""
    groups = {"": schema_of(root), "audio": AudioSettings, "data": DataSettings, "paths": PathSettings}
    for choice in (choice for choice in CHOICES if choice[0] == root):
        whole = raw(*choice)[1]
        for path, value in nodes(whole):
            group, _, name = path.rpartition(".")
            if group in groups and not isinstance(value, dict):
                assert name in groups[group].model_fields or f"${{{path}}}" in str(whole), (choice, path)


@pytest.mark.parametrize("root", [root for root in ROOTS if "separation" in groups_of(root)])
def test_separation_settings_are_the_separators_arguments(root, tiny_model):
    for option in options("separation"):
        needed = ["ckpt=a.ckpt", "input=a.wav"] if root == "separate" else []
        cfg = composed(root, f"separation={option}", "device=cpu", *needed)
        separator = separator_of(tiny_model, cfg)
        assert (separator.shifts, separator.batch_size) == (cfg.shifts, cfg.batch_size)
        assert separator.step == pytest.approx(separator.size * (1 - cfg.overlap), abs=1)


def test_the_separators_defaults_are_those_of_the_command_line():
    known = inspect.signature(Separator).parameters
    chosen = yaml.safe_load((CONFIGS / "separation" / "default.yaml").read_text("utf-8"))
    assert known.keys() - chosen.keys() == {"model", "stems"}
    assert chosen == {name: list(known[name].default) if name == "tta" else known[name].default for name in chosen}


# Millions of parameters; the comments in configs/model/ state them too.
@pytest.mark.parametrize(
    ("model", "millions"),
    [
        (("tiny",), 4.1),
        (("tiny_reference",), 2.9),
        (("lite",), 5.85),
        (("lite_reference",), 10.4),
        (("lite_mel",), 18.7),
        (("full",), 74.6),
        (("paper", "model.stems=[vocals]"), 72.2),
        (("sfc_small",), 5.82),  # 5.8 in arXiv 2602.08671
        (("sfc_tiny",), 0.385),
    ],
)
def test_a_model_has_the_stated_size(model, millions):
    option, *overrides = model
    settings = ModelSettings.from_dict(tree("train", f"model={option}", *overrides)["model"])
    assert count(build_model(settings)) / 1e6 == pytest.approx(millions, rel=0.01)


def test_every_model_option_has_its_size_tested():
    [mark] = test_a_model_has_the_stated_size.pytestmark
    assert sorted(model[0] for model, _ in mark.args[1]) == options("model")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(CONFIGS).as_posix())
def test_config_files_hold_no_secret_and_no_machine_path(path):
    text = path.read_text("utf-8")
    for key, value in leaves(yaml.safe_load(text) or {}):
        if isinstance(value, str):
            absolute = PurePosixPath(value).is_absolute() or PureWindowsPath(value).is_absolute()
            assert not absolute or key.startswith("defaults."), key  # Hydra's paths begin at configs/
        assert not re.search(r"(api_?key|token|secret|password)", key), key
    assert not re.search(r"\b[0-9a-f]{32,}\b|/home/|/Users/", text)


@pytest.mark.parametrize("root", ROOTS)
def test_groups_override_the_root_and_experiments_the_groups(root):
    assert defaults_of(root)[0] in ("_self_", *ROOTS)  # or the root extends another root
    if set(LAST) & set(groups_of(root)):
        assert groups_of(root)[-len(LAST) :] == LAST


def test_the_clock_names_the_run_folder_and_nothing_else():
    assert [path.name for path in FILES if "${now" in path.read_text("utf-8")] == ["default.yaml"]
    assert not [path.name for path in FILES if "runtime.output_dir}" in path.read_text("utf-8")]


def test_the_laptop_trainer_fits_four_gigabytes():
    cfg = tree("train", "model=lite", "trainer=rtx3050")
    assert cfg["data"]["batch_size"] * cfg["trainer"]["accumulate_grad_batches"] >= 16
    assert cfg["trainer"]["precision"] == "bf16-mixed"
    assert cfg["activation_checkpointing"]


def test_the_reference_of_comparisons_stays_as_it_is():
    cfg = composed("train", "experiment=compare")
    budget = cfg.callbacks["budget"].arguments
    assert budget == {"seconds": 90, "clock": "processor", "shorten": False}
    assert cfg.optimizer.tree == {
        "_target_": "torch.optim.AdamW", "_partial_": True, "lr": 1e-3, "betas": [0.9, 0.95], "weight_decay": 0.01,
        "fused": True,
    }  # fmt: skip
    trunk = {"dim": 64, "depth": 3, "heads": 4, "dim_head": 16, "convolution": None}
    assert cfg.model["trunk"] == trunk
    assert cfg.model["masks"] == {"expansion": 1, "shared": False}
    weights = {name: cfg.loss.arguments[name] for name in ("magnitude", "complex", "si_sdr", "sdr", "hop_length")}
    assert weights == {"magnitude": 0.5, "complex": 0.3, "si_sdr": 0.2, "sdr": 0.0, "hop_length": 1024}
    assert (cfg.data.seconds, cfg.data.valid_seconds, cfg.data.valid_songs) == (2, 2, 12)


def test_stems_are_chosen_in_one_place():
    assert tree("train", "data.stems=[vocals,other]")["model"]["stems"] == ["vocals", "other"]
    source = tree("train", "data.stems=[vocals,other]")["data"]["source"]
    assert source["stems"] == ["vocals", "other"]


def test_a_model_of_one_stem_trains_on_mixtures_of_all():
    module = build_module(composed("train", "model=tiny", "model.stems=[drums]"))
    assert module.model.stems == ("drums",)
    stems = torch.arange(4.0).reshape(1, 4, 1, 1)  # (b n c t)
    assert module.targets(stems).flatten().tolist() == [1]


def test_the_masks_width_is_chosen_on_the_command_line():
    cfg = composed("train", "model=tiny", "model.masks.expansion=4")
    wide, narrow = build_module(cfg), build_module(composed("train", "model=tiny"))
    assert wide.model.settings.masks.expansion == 4
    assert count(wide) > 2 * count(narrow)


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
