"""Former paths of callbacks in configurations, and their keys in checkpoints."""

import pytest
from hydra.utils import get_class
from omegaconf import OmegaConf

from bsroformer.cli.commands.train.resume.run_config import PROGRESS
from bsroformer.cli.commands.train.resume.trusted_classes import FORMER_TARGETS, known_class, known_groups
from bsroformer.cli.config_classes import moved_callbacks, with_present_paths

FORMER_PATHS = (
    "batch_seeds.BatchSeeds",
    "best_checkpoint.BestCheckpoint",
    "budget.Budget",
    "candidates.Candidates",
    "curves.Curves",
    "early_stop.EarlyStop",
    "ema.Ema",
    "faults.Faults",
    "last_checkpoint.LastCheckpoint",
    "previews.Previews",
    "profile.Profile",
    "progress.RunProgress",
    "prune.MedianPruner",
    "report.Report",
    "same_batch.SameBatch",
    "throughput.Throughput",
    "validate_last.ValidateLast",
)
STATE_KEYS = {
    "budget.Budget": "Budget",
    "curves.Curves": "Curves",
    "ema.Ema": "Ema",
    "faults.Faults": "Faults",
    "last_checkpoint.LastCheckpoint": "LastCheckpoint",
    "progress.RunProgress": "RunProgress",
    "prune.MedianPruner": "MedianPruner",
}
"""Keys of callbacks' states in checkpoints since the first version."""


def class_of(former: str) -> type:
    found = known_class(f"bsroformer.training.{former}", known_groups()["callbacks"])
    assert found is not None
    return get_class(found)


@pytest.mark.parametrize("former", FORMER_PATHS)
def test_former_paths_of_callbacks_are_found(former):
    assert class_of(former).__name__ == former.rpartition(".")[2]


@pytest.mark.parametrize("former", FORMER_PATHS)
def test_former_paths_in_own_configs_are_replaced(former):
    tree = {"callbacks": {"mine": {"_target_": f"bsroformer.training.{former}"}}}
    target = with_present_paths(tree)["callbacks"]["mine"]["_target_"]
    assert get_class(target).__name__ == former.rpartition(".")[2]


def test_present_paths_and_other_packages_are_kept():
    for path in ("bsroformer.losses.MultiDomainLoss", "mine.Loss", "bsroformer.attic.Unknown"):
        assert with_present_paths([{"_target_": path}]) == [{"_target_": path}]


def test_former_paths_of_hydras_callbacks_are_replaced():
    former = {"table": {"_target_": "bsroformer.launch.sweep.SweepTable"}, "mine": {"_target_": "mine.Callback"}}
    tree = OmegaConf.create({"hydra": {"callbacks": former}})
    [override] = moved_callbacks(tree)
    key, _, target = override.partition("=")
    assert key == "hydra.callbacks.table._target_" and get_class(target).__name__ == "SweepTable"


@pytest.mark.parametrize("former", STATE_KEYS)
def test_states_keep_their_keys_in_checkpoints(former):
    callback_class = class_of(former)
    callback = callback_class.__new__(callback_class)
    assert callback.state_key == STATE_KEYS[former]


@pytest.mark.parametrize("replacement", [PROGRESS, *FORMER_TARGETS.values()])
def test_replacements_of_former_classes_exist(replacement):
    assert get_class(replacement)
