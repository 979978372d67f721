"""State of Lightning's loops, and corrections to it.

No other module uses the private parts of the loops.
"""

from typing import Any

import lightning as L

from bsroformer.data.batch_schedule import BatchSizes


def validation_is_due(trainer: L.Trainer) -> bool:
    """Return whether Lightning validates between this batch and the next."""
    loop = trainer.fit_loop
    assert loop._data_fetcher is not None
    return loop.epoch_loop._should_check_val_fx(loop._data_fetcher)


def validate(trainer: L.Trainer) -> None:
    """Validate now, as Lightning does between two batches."""
    loop = trainer.fit_loop.epoch_loop.val_loop
    loop.restarting = False
    trainer.validating = True
    loop.run()
    trainer.training = True


def shift_limits(trainer: L.Trainer, by: int) -> None:
    """Shift a run's limits of steps and epochs, where it has them."""
    loop = trainer.fit_loop
    if loop.epoch_loop.max_steps >= 0:
        loop.epoch_loop.max_steps += by
    if loop.max_epochs is not None and loop.max_epochs >= 0:
        loop.max_epochs += by


def normalize_progress_counters(fit_loop: dict[str, Any]) -> None:
    """Convert a checkpoint's counters to those between two epochs or batches.

    With others Lightning resumes at the right batch, but counts epochs wrongly: the epoch of a last batch and the next
    one as one epoch, and an ended epoch as two if steps are limited.

    Args:
        fit_loop: State of Lightning's loop; changed in place.
    """
    batches = fit_loop["epoch_loop.batch_progress"]
    epochs = fit_loop["epoch_progress"]
    stepped = fit_loop["epoch_loop.state_dict"]
    hooks_are_done = batches["total"]["completed"] == batches["total"]["processed"]
    if batches["is_last_batch"]:
        batches["total"]["completed"] = batches["total"]["processed"]
        batches["current"] = dict.fromkeys(batches["current"], 0)
        batches["is_last_batch"] = False
        for counts in epochs["total"], epochs["current"]:
            counts["completed"] = counts["started"]
            counts["processed"] = counts["started"]
        if not hooks_are_done:
            stepped["_batches_that_stepped"] += 1
        return
    for counts in batches["total"], batches["current"]:
        counts["completed"] = counts["processed"] - 1
    for counts in epochs["total"], epochs["current"]:
        counts["completed"] = counts["started"] - 1
        counts["processed"] = counts["started"] - 1
    if hooks_are_done:
        stepped["_batches_that_stepped"] -= 1


def rescale_progress(fit_loop: dict[str, Any], former: BatchSizes, now: BatchSizes) -> None:
    """Convert the progress of an epoch to batches of the present size.

    Its share stays, rounded down to whole steps, so that no step has fewer batches; at least one step is left.

    Args:
        fit_loop: State of Lightning's loop; changed in place.
        former: Sizes with which the epoch was started.
        now: Present sizes.
    """
    progress = fit_loop["epoch_loop.batch_progress"]
    processed = progress["current"]["processed"]
    if former == now or progress["is_last_batch"] or not processed:
        return
    batches_of_step = now.step // now.batch
    steps_made = processed * former.batch // now.step
    batches_before_last = now.epoch // now.batch - 1
    steps = min(steps_made, batches_before_last // batches_of_step)
    count = steps * batches_of_step
    progress["current"] |= {"ready": count, "started": count, "processed": count, "completed": count - 1}


def is_last_epoch(trainer: L.Trainer) -> bool:
    """Return whether an epoch that ends is the run's last."""
    steps = trainer.max_steps
    epochs = trainer.max_epochs
    all_steps = steps >= 0 and trainer.global_step >= steps
    all_epochs = epochs is not None and 0 <= epochs <= trainer.current_epoch + 1
    return trainer.should_stop or all_steps or all_epochs
