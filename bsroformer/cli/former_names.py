"""Former paths of classes that users' own configs may name."""

from typing import Any

from bsroformer.cli.schemas.components import TARGET

MOVED = {
    "bsroformer.benchmarks.": "benchmarks.",
    "bsroformer.training.batch_seeds.": "bsroformer.training.callbacks.batch_seeds.",
    "bsroformer.training.best_checkpoint.": "bsroformer.training.callbacks.best_checkpoint.",
    "bsroformer.training.budget.": "bsroformer.training.callbacks.budget.",
    "bsroformer.training.candidates.": "bsroformer.training.callbacks.candidates.",
    "bsroformer.training.curves.": "bsroformer.training.callbacks.curves.",
    "bsroformer.training.early_stop.": "bsroformer.training.callbacks.early_stopping.",
    "bsroformer.training.ema.": "bsroformer.training.callbacks.ema.",
    "bsroformer.training.faults.": "bsroformer.training.callbacks.faults.",
    "bsroformer.training.last_checkpoint.": "bsroformer.training.callbacks.last_checkpoint.",
    "bsroformer.training.previews.": "bsroformer.training.callbacks.previews.",
    "bsroformer.training.profile.": "bsroformer.training.callbacks.profile.",
    "bsroformer.training.progress.": "bsroformer.training.callbacks.progress.",
    "bsroformer.training.prune.": "bsroformer.training.callbacks.prune.",
    "bsroformer.training.report.": "bsroformer.training.callbacks.report.",
    "bsroformer.training.same_batch.": "bsroformer.training.callbacks.same_batch.",
    "bsroformer.training.throughput.": "bsroformer.training.callbacks.throughput.",
    "bsroformer.training.validate_last.": "bsroformer.training.callbacks.validate_last.",
}
"""Starts of dotted names before and after a move."""


def with_current_names(tree: Any) -> Any:
    """Replace former names under ``_target_`` in a plain tree."""
    if isinstance(tree, list):
        return [with_current_names(each) for each in tree]
    if not isinstance(tree, dict):
        return tree
    renamed = {name: with_current_names(value) for name, value in tree.items()}
    if isinstance(renamed.get(TARGET), str):
        renamed[TARGET] = current_name(renamed[TARGET])
    return renamed


def current_name(target: str) -> str:
    """Return the present dotted name of a class."""
    for former, current in MOVED.items():
        if target.startswith(former):
            return current + target.removeprefix(former)
    return target
