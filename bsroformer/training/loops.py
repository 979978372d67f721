"""Where Lightning's loops stand, and corrections to it: all that this program takes from Lightning's inside."""

from typing import Any

import lightning as L

from bsroformer.data.batch_schedule import BatchSizes


def validation_is_due(trainer: L.Trainer) -> bool:
    """Whether Lightning validates between this batch and the next."""
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


def move_limits(trainer: L.Trainer, by: int) -> None:
    """Make a run longer or shorter by so many steps and epochs, where these are limited."""
    loop = trainer.fit_loop
    if loop.epoch_loop.max_steps >= 0:
        loop.epoch_loop.max_steps += by
    if loop.max_epochs is not None and loop.max_epochs >= 0:
        loop.max_epochs += by


def settle(fit_loop: dict[str, Any]) -> None:
    """Turn Lightning's counters, wherever a checkpoint is written, into those between two epochs or two batches.

    From others it goes on with the right batch, but counts epochs wrongly: that of a last batch and the next one as one
    epoch, and one that has ended as two, if steps are limited.
    """
    batches, epochs = fit_loop["epoch_loop.batch_progress"], fit_loop["epoch_progress"]
    over = batches["total"]["completed"] == batches["total"]["processed"]  # the hooks after the batch too
    if batches["is_last_batch"]:
        batches["total"]["completed"] = batches["total"]["processed"]
        batches["current"] = dict.fromkeys(batches["current"], 0)
        batches["is_last_batch"] = False
        for counts in epochs["total"], epochs["current"]:
            counts["processed"] = counts["completed"] = counts["started"]
        fit_loop["epoch_loop.state_dict"]["_batches_that_stepped"] += not over
    else:
        for counts in batches["total"], batches["current"]:
            counts["completed"] = counts["processed"] - 1
        for counts in epochs["total"], epochs["current"]:
            counts["processed"] = counts["completed"] = counts["started"] - 1
        fit_loop["epoch_loop.state_dict"]["_batches_that_stepped"] -= over


def recount(fit_loop: dict[str, Any], before: BatchSizes, now: BatchSizes) -> None:
    """Count the epoch under way in batches of the present size, if it was begun with others.

    It is as far on as it was, to the last whole step, so that none is made of fewer batches; one step at least is left.
    """
    progress = fit_loop["epoch_loop.batch_progress"]
    if before == now or progress["is_last_batch"] or not progress["current"]["processed"]:
        return
    batches = now.step // now.batch
    steps = min(progress["current"]["processed"] * before.batch // now.step, (now.epoch // now.batch - 1) // batches)
    count = steps * batches
    progress["current"] |= {"ready": count, "started": count, "processed": count, "completed": count - 1}


def ends(trainer: L.Trainer) -> bool:
    """Whether an epoch that ends is the run's last."""
    steps, epochs = trainer.max_steps, trainer.max_epochs
    return (
        trainer.should_stop
        or (steps >= 0 and trainer.global_step >= steps)
        or (epochs is not None and 0 <= epochs <= trainer.current_epoch + 1)
    )
