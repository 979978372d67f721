"""How fast a training goes and how much memory it takes, logged beside its losses."""

import math
import time

import lightning as L
import torch
from torch import Tensor

from bsroformer.hardware import GIB, largest_memory
from bsroformer.training.module import SeparationModule

SPEED, MEMORY = "train/audio_seconds_per_second", "train/memory_gib"


class Throughput(L.Callback):
    """Logs ``train/audio_seconds_per_second`` and ``train/memory_gib`` at the logger's interval.

    The first counts excerpts that all devices together trained on. What is rare is left out of the time: the first
    batch, which starts workers and compiles, and all from the start of a validation to the next batch. The second
    is the most that PyTorch has allocated on this process's GPU since the training began; on a CPU the most that the
    process has held, and nothing where the system does not say.

    Its place among the callbacks is before `Curves`, which notes what has been logged.

    Lightning's ``ThroughputMonitor`` waits for the GPU after every batch, and counts pictures and checkpoints that
    are written after a validation as training.
    """

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Begin to count."""
        self.audio, self.logged = 0.0, trainer.global_step
        self.since: float | None = None  # when what `audio` counts began; None before the end of the first batch
        self.paused: float | None = None
        if pl_module.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(pl_module.device)

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop the clock."""
        if not trainer.sanity_checking and self.since is not None and self.paused is None:
            self.paused = now(pl_module.device)

    def on_train_batch_start(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: object) -> None:
        """Let the clock go on."""
        if self.since is not None and self.paused is not None:
            self.since += now(pl_module.device) - self.paused
        self.paused = None

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: object, batch: Tensor, batch_idx: int
    ) -> None:
        """Count a batch of stems ``(b n c t)``; log if a step is complete and it is time."""
        assert isinstance(pl_module, SeparationModule)
        if self.since is None:
            self.since = now(pl_module.device)
            return
        self.audio += len(batch) * batch.shape[-1] / pl_module.model.sample_rate * trainer.world_size
        step, interval = trainer.global_step, trainer.log_every_n_steps  # type: ignore[attr-defined]
        if step % interval == 0 and step != self.logged:
            clock = now(pl_module.device)
            pl_module.log(SPEED, self.audio / max(clock - self.since, 1e-9))
            if not math.isnan(memory := peak_memory(pl_module.device)):
                pl_module.log(MEMORY, memory / GIB)
            self.audio, self.since, self.logged = 0.0, clock, step


def now(device: torch.device) -> float:
    """Seconds of a clock, when the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def peak_memory(device: torch.device) -> float:
    """Bytes at the peak: of a CUDA GPU what PyTorch allocated, else of the process; NaN where unknown."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else largest_memory()
