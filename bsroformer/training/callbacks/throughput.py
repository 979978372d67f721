"""Speed and memory of a training, logged beside its losses."""

import math
import time

import lightning as L
import torch

from bsroformer.data.known_stems import TrainingBatch, stems_of
from bsroformer.hardware import GIB, largest_memory
from bsroformer.training.module import SeparationModule

SPEED = "train/audio_seconds_per_second"
MEMORY = "train/memory_gib"
SHORTEST_S = 1e-9
"""Shortest interval, to avoid division by zero."""


class Throughput(L.Callback):
    """Log speed and memory at the logger's interval.

    The metrics are ``train/audio_seconds_per_second`` and ``train/memory_gib``.

    The first counts excerpts that all devices together trained on. Its time excludes the first batch, which starts
    workers and compiles, and the time from the start of a validation to the next batch. The second is the peak that
    PyTorch has allocated on this process's GPU since the training began; on a CPU it is the peak memory of the process,
    and it is not logged where the system does not report it.

    It must come before `Curves` in the list of callbacks, which collects what has been logged.

    Lightning's ``ThroughputMonitor`` waits for the GPU after every batch, and counts pictures and checkpoints that
    are written after a validation as training.
    """

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Reset the counters."""
        self.audio = 0.0
        self.logged = trainer.global_step
        self.since: float | None = None  # start of the interval that `audio` counts; None before the first batch's end
        self.paused: float | None = None
        if pl_module.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(pl_module.device)

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop the clock."""
        if not trainer.sanity_checking and self.since is not None and self.paused is None:
            self.paused = now(pl_module.device)

    def on_train_batch_start(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: object) -> None:
        """Restart the clock."""
        if self.since is not None and self.paused is not None:
            self.since += now(pl_module.device) - self.paused
        self.paused = None

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: object, batch: TrainingBatch, batch_idx: int
    ) -> None:
        """Count a batch of stems ``(b n c t)``; log after a step if logging is due."""
        assert isinstance(pl_module, SeparationModule)
        if self.since is None:
            self.since = now(pl_module.device)
            return
        stems = stems_of(batch)
        seconds = stems.shape[-1] / pl_module.model.sample_rate
        self.audio += len(stems) * seconds * trainer.world_size
        step = trainer.global_step
        interval = trainer.log_every_n_steps  # type: ignore[attr-defined]
        if step % interval == 0 and step != self.logged:
            self._log(pl_module, self.since)
            self.logged = step

    def _log(self, module: SeparationModule, since: float) -> None:
        clock = now(module.device)
        module.log(SPEED, self.audio / max(clock - since, SHORTEST_S))
        memory = peak_memory(module.device)
        if not math.isnan(memory):
            module.log(MEMORY, memory / GIB)
        self.audio = 0.0
        self.since = clock


def now(device: torch.device) -> float:
    """Seconds of a clock, read when the device has finished its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def peak_memory(device: torch.device) -> float:
    """Return the peak memory in bytes; NaN where unknown.

    On a CUDA GPU it is PyTorch's, else that of the process.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return largest_memory()
