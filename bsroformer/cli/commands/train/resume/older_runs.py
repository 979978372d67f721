"""Classes in the configurations of older runs that other classes have replaced."""

from typing import Any

FORMER_PROGRESS = "lightning.pytorch.callbacks.RichProgressBar"
PROGRESS = "bsroformer.training.callbacks.progress.RunProgress"


def with_present_progress(tree: dict[str, Any]) -> dict[str, Any]:
    """A run's configuration with this program's progress callback in place of Lightning's, which it had before."""
    callbacks = tree.get("callbacks")
    progress = callbacks.get("progress") if isinstance(callbacks, dict) else None
    if not isinstance(progress, dict) or progress.get("_target_") != FORMER_PROGRESS:
        return tree
    return {**tree, "callbacks": {**tree["callbacks"], "progress": {"_target_": PROGRESS}}}
