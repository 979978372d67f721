"""Every checkpoint that a run leaves behind leads to the same end, and a run that is asked to end leaves one."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from launched import SMALL_RUN, composed

from bsroformer.launch.train import train
from bsroformer.training.checkpoint_file import LAST
from bsroformer.training.last_checkpoint import LastCheckpoint

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec")

# Epochs of three steps, of which the last has two batches instead of three; a checkpoint after each step.
RUN = (
    *SMALL_RUN,
    "data.epoch_size=16",
    "trainer.max_steps=-1",
    "trainer.max_epochs=3",
    "trainer.accumulate_grad_batches=3",
    "trainer.log_every_n_steps=2",
    "scheduler.warmup_steps=3",
    "+model.trunk.dropout=0.1",
    "callbacks.last_checkpoint.every_minutes=0",
    "~callbacks.previews",
    "~callbacks.progress",
)
WAYS = {
    "epochs": (),
    "steps": ("trainer.max_epochs=-1", "trainer.max_steps=8"),
    "validation of every second epoch": ("trainer.check_val_every_n_epoch=2",),
    "validation within epochs": ("+trainer.val_check_interval=3",),
    "one batch a step": ("trainer.accumulate_grad_batches=1", "trainer.max_epochs=2"),
    "workers": ("data.num_workers=2", "trainer.max_epochs=2"),
}


class PowerCutError(Exception):
    """Ends a run from outside."""


def start(songs_root: Path, folder: Path, *overrides: str) -> None:
    train(composed("train", *RUN, f"data.root={songs_root}", f"paths.output_dir={folder}", *overrides))


def start_and_cut(songs_root: Path, folder: Path, checkpoints: int, *overrides: str) -> bool:
    """Go on with a run until it has written so many checkpoints; whether it came to its end before."""
    save, written = LastCheckpoint._save, 0

    def cut(callback: LastCheckpoint, *arguments: Any) -> None:
        nonlocal written
        save(callback, *arguments)
        written += 1
        if written == checkpoints:
            raise PowerCutError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LastCheckpoint, "_save", cut)
        try:
            start(songs_root, folder, "resume=auto", *overrides)
        except PowerCutError:
            return False
    return True


def checkpoint(folder: Path, name: str = LAST) -> dict[str, Any]:
    return torch.load(folder / "checkpoints" / name, weights_only=True)


def assert_same_end(folder: Path, expected: Path) -> None:
    for name in (LAST, "best.ckpt"):
        found, wanted = checkpoint(folder, name), checkpoint(expected, name)
        for entry in ("epoch", "global_step", "state_dict", "optimizer_states", "lr_schedulers", "current_model_state"):
            torch.testing.assert_close(found.get(entry), wanted.get(entry), rtol=0, atol=0)
    assert (folder / "metrics.csv").read_text() == (expected / "metrics.csv").read_text()


@pytest.mark.parametrize("way", WAYS)
def test_a_run_may_be_cut_off_after_any_checkpoint(songs_root, tmp_path, way):
    start(songs_root, tmp_path / "whole", *WAYS[way])
    draw = random.Random(0)
    cuts = 0
    while not start_and_cut(songs_root, tmp_path / "parts", draw.randint(1, 4), *WAYS[way]):
        cuts += 1
    assert cuts > 1
    assert_same_end(tmp_path / "parts", tmp_path / "whole")
