"""Lightning trainers for small models and excerpts in memory."""

from functools import partial
from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from bsroformer.losses import MultiDomainLoss
from bsroformer.models.bs_roformer import BandSplitRoformer
from bsroformer.training import SeparationModule
from bsroformer.training.schedule import warmup_cosine

LOSS = MultiDomainLoss(0.5, 0.3, 0.2, n_fft=32, hop_length=8)
OPTIMIZER = partial(torch.optim.AdamW, lr=1e-3)
SCHEDULER = partial(warmup_cosine, warmup_steps=2, final=0.1)


def module(model: BandSplitRoformer, data_stems: list[str] | None = None) -> SeparationModule:
    return SeparationModule(model, LOSS, OPTIMIZER, SCHEDULER, data_stems)


def trainer(**changes: Any) -> L.Trainer:
    quiet: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    return L.Trainer(accelerator="cpu", enable_model_summary=False, max_epochs=1, **quiet, **changes)


def excerpts(count: int = 4, stems: int = 2) -> Tensor:
    """Excerpts ``(b n c t)``."""
    return torch.randn(count, stems, 2, 500, generator=torch.Generator().manual_seed(1))


def loader(stems: Tensor, batch_size: int = 2) -> DataLoader[Tensor]:
    return DataLoader(list(stems), batch_size)  # type: ignore[arg-type]
