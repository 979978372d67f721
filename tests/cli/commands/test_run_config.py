"""A run's configuration is data: what it may choose, and what it may not."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from bsroformer.cli.commands.train.resume.run_config import changed, completed, replaced_keys, run_config
from bsroformer.cli.commands.train.resume.trusted_classes import known_groups, with_known_classes
from bsroformer.cli.resolved_config import CONFIG_FILE, save_config
from bsroformer.errors import InputError
from support.launched import CONFIGS, SMALL_RUN, composed


@pytest.fixture(scope="module")
def usual(tmp_path_factory) -> str:
    """The configuration of a run, as it is written into its folder."""
    folder = tmp_path_factory.mktemp("run")
    save_config(composed("train", *SMALL_RUN, f"paths.output_dir={folder}").tree, folder)
    return (folder / CONFIG_FILE).read_text()


@pytest.fixture
def altered(usual, tmp_path) -> Callable[..., Path]:
    """A run's folder in whose configuration keys have other values."""

    def folder(**changes: object) -> Path:
        tree = yaml.safe_load(usual)
        for key, value in changes.items():
            *groups, name = key.split("__")
            node = tree
            for group in groups:
                node = node.setdefault(group, {})
            node[name] = value
        (tmp_path / CONFIG_FILE).write_text(yaml.safe_dump(tree))
        return tmp_path

    return folder


EVIL = {"_target_": "os.system", "command": "true"}


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("data__source", EVIL, "data.source._target_='os.system'"),
        ("data__source", {"_target_": "torch.load", "f": "x", "weights_only": False}, "data.source._target_"),
        ("data__source", {"_target_": "torch.hub.load", "repo_or_dir": "x", "model": "m"}, "data.source._target_"),
        ("data__source", {"_target_": "shutil.copyfile", "src": "a", "dst": "b"}, "data.source._target_"),
        ("data__source", {"_args_": ["1"], "_target_": "builtins.eval"}, "data.source._args_"),
        ("data__source___args_", [1], "data.source._args_"),
        ("data__source___partial_", True, "data.source._partial_"),
        ("data__source___convert_", "none", "data.source._convert_"),
        ("data__source___target_", 3, "data.source._target_"),
        ("data__source___target_", ["os.system"], "data.source._target_"),
        ("data__source__extra", [[EVIL]], "data.source.extra.0.0._target_"),
        ("data__source___target_", "lightning.Trainer", "data.source._target_"),
        ("data__source___target_", "bsroformer.losses.MultiDomainLoss", "data.source._target_"),
        ("callbacks__evil", EVIL, "callbacks.evil._target_"),
        ("callbacks__evil", {"_target_": "lightning.pytorch.callbacks.LambdaCallback"}, "callbacks.evil._target_"),
        ("callbacks__curves__folder", EVIL, "callbacks.curves.folder._target_"),
        ("loss__magnitude", EVIL, "loss.magnitude._target_"),
        ("optimizer___target_", "torch.optim.os.system", "optimizer._target_"),
        ("optimizer___target_", "torch.optim.swa_utils", "optimizer._target_"),
        ("scheduler___target_", "bsroformer.training.schedule.exec", "scheduler._target_"),
        ("trainer__profiler", EVIL, "trainer.profiler._target_"),
        ("augment__effects__evil", EVIL, "augment.effects.evil._target_"),
        ("logger", EVIL, "logger._target_"),
        ("model__stft", EVIL, "model.stft._target_"),
        ("hydra__run", EVIL, "hydra.run._target_"),
        (
            "hydra__launcher",
            {"_target_": "bsroformer.cli.commands.train.sweep.sweep.SweepTable"},
            "hydra.launcher._target_",
        ),
        ("anything", {"_target_": "os.system"}, "anything._target_"),
        ("data__root", "${oc.env:HOME}", "data.root='${oc.env:HOME}'"),
        ("seed", "${now:%Y}", "seed="),
        ("data__stems", ["vocals", "${oc.decode:1}"], "data.stems.1"),
    ],
)
def test_a_configuration_that_chooses_code_is_refused(altered, key, value, named):
    folder = altered(**{key: value})
    with pytest.raises(InputError) as refused:
        run_config(folder)
    assert f"{folder / CONFIG_FILE}: {named}" in str(refused.value)
    assert "command line" in str(refused.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("callbacks__curves__folder", "/etc"),
        ("callbacks__curves__folder", "data"),
        ("callbacks__best_checkpoint__dirpath", "~/photos"),
        ("callbacks__best_checkpoint__filename", "../../best"),
        ("trainer__default_root_dir", ""),
        ("trainer__default_root_dir", "elsewhere"),
        ("logger", {"_target_": "lightning.pytorch.loggers.CSVLogger", "save_dir": "/srv"}),
        ("logger", {"_target_": "lightning.pytorch.loggers.WandbLogger", "settings": {"base_url": "http://x"}}),
    ],
)
def test_a_configuration_that_leads_elsewhere_is_refused(altered, key, value):
    with pytest.raises(InputError, match=r"give it again on the command line"):
        run_config(altered(**{key: value}))


def test_a_class_that_moved_is_found_by_its_name(altered):
    found = run_config(altered(data__source___target_="bsroformer.data.sources.DemoSource"))
    assert found["data"]["source"]["_target_"] == "bsroformer.data.demo_source.DemoSource"


def test_optimisers_of_pytorch_are_known(altered):
    assert run_config(altered(optimizer___target_="torch.optim.SGD"))["optimizer"]["_target_"] == "torch.optim.SGD"


@pytest.mark.parametrize(
    "overrides",
    [
        *([f"{group}={path.stem}"] for group in ("loss", "logger", "augment", "data", "debug", "optimizer", "scheduler")
          for path in sorted((CONFIGS / group).glob("*.yaml")) if path.stem != "loader"),
        ["experiment=demo"],
        ["+callbacks=[budget,prune,comparison]"],
    ],
    ids=lambda overrides: overrides[0],
)  # fmt: skip
def test_every_config_that_is_shipped_can_be_resumed(overrides, tmp_path):
    places = [] if "data.root" in overrides else ["data.root=/songs"]
    save_config(composed("train", *overrides, *places, f"paths.output_dir={tmp_path}").tree, tmp_path)
    assert run_config(tmp_path) == yaml.safe_load((tmp_path / CONFIG_FILE).read_text())


def test_a_class_of_the_command_line_is_trusted(altered):
    given = ["optimizer._target_=mine.Optimizer", "optimizer.lr=0.1"]
    composed_now = composed("train", *SMALL_RUN, *given)
    folder = altered(optimizer___target_="mine.Old", optimizer__lr="${x}")
    found = changed(run_config(folder, replaced_keys(composed_now, given)), composed_now, given)
    assert found["optimizer"]["_target_"] == "mine.Optimizer"
    assert found["optimizer"]["lr"] == 0.1


def test_a_group_of_the_command_line_replaces_the_files(altered):
    given = ["loss=multi_resolution"]
    composed_now = composed("train", *SMALL_RUN, *given)
    found = changed(run_config(altered(loss=EVIL), replaced_keys(composed_now, given)), composed_now, given)
    assert found["loss"]["_target_"] == "bsroformer.losses.MultiResolutionLoss"


def test_keys_that_an_older_version_lacks_are_taken_from_today(usual, tmp_path):
    tree = yaml.safe_load(usual)
    del tree["data"]["overfit_songs"], tree["evaluate"], tree["callbacks"]["previews"], tree["augment"]["mixup"]
    (tmp_path / CONFIG_FILE).write_text(yaml.safe_dump(tree))
    run = run_config(tmp_path)
    assert sorted(completed(run, composed("train", *SMALL_RUN).tree)) == ["data.overfit_songs=null", "evaluate=false"]
    assert run["data"]["overfit_songs"] is None
    assert run["evaluate"] is False
    assert "previews" not in run["callbacks"]


def test_a_class_keeps_what_it_did_before_it_had_a_parameter(usual, tmp_path):
    tree = yaml.safe_load(usual)
    tree["loss"]["si_sdr"] = 0.2
    del tree["loss"]["sdr"]
    (tmp_path / CONFIG_FILE).write_text(yaml.safe_dump(tree))
    run = run_config(tmp_path)
    assert completed(run, composed("train", *SMALL_RUN).tree) == []
    assert "sdr" not in run["loss"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not the configuration of a training"),
        (b"\0\0\0\0", "cannot be read as plain YAML"),
        (b"paths: caf\xe9", "not UTF-8"),
        (b"paths: {output_dir: 3}", "is not the configuration of a training"),
        (b"paths: [1]", "is not the configuration of a training"),
        (b"a0: &a0 [x, x]\n" + b"".join(b"a%d: &a%d [*a%d, *a%d]\n" % (n, n, n - 1, n - 1) for n in range(1, 40)),
         "unfolds to more than"),
        (b"[" * 50_000, "nests more than"),
    ],
)  # fmt: skip
def test_a_damaged_configuration_is_one_sentence(tmp_path, content, reason):
    (tmp_path / CONFIG_FILE).write_bytes(content)
    with pytest.raises(InputError, match=f"{CONFIG_FILE}.*{reason}.*restore it, or use ckpt_path"):
        run_config(tmp_path)


def test_every_class_of_the_configs_is_known_by_itself():
    for name, group in known_groups().items():
        for target in group.targets:
            tree = {name: {"_target_": target}}
            assert with_known_classes(tree, Path("x")) == tree


def test_a_configuration_is_the_same_after_it_was_read(usual, tmp_path):
    (tmp_path / CONFIG_FILE).write_text(usual)
    old = yaml.safe_load(usual)["paths"]["output_dir"]
    save_config(run_config(tmp_path), tmp_path)
    assert (tmp_path / CONFIG_FILE).read_text() == usual.replace(old, str(tmp_path))
