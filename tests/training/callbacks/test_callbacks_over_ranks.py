"""Callbacks in two processes on the CPU."""

import warnings
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import lightning as L
import pytest
import torch
from torch import Tensor

from bsroformer.data.datamodule import Batches, StemsDataModule
from bsroformer.data.excerpts import ExcerptKey, RandomExcerpts
from bsroformer.data.sources import FolderSource
from bsroformer.losses import MultiDomainLoss
from bsroformer.training import SeparationModule
from bsroformer.training.callbacks.ema import Ema, ema_of
from bsroformer.training.callbacks.faults import Faults
from bsroformer.training.fault_records import read_lines
from bsroformer.training.schedule import warmup_cosine
from support.augments import VARIED, augment
from support.warm import in_ranks

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec")
STEMS = ("vocals", "other")


@dataclass
class Recorder(L.Callback):
    """Write a rank's excerpts and scores to a file of its own."""

    folder: Path

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        self.trained: list[Tensor] = []
        warnings.filterwarnings("error", message=r".*sync_dist")

    def on_train_batch_start(self, trainer, pl_module, batch: Tensor, batch_idx: int) -> None:
        self.trained.append(batch.clone())

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        scores = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("val/")}
        ema = ema_of(trainer)
        if ema is not None:  # the module has the average by now
            average, raw = (module.state_dict() for module in (pl_module, ema._average_model.module))
            torch.save((average, raw), self.folder / f"weights-{trainer.global_rank}.pt")
        torch.save((torch.cat(self.trained), scores), self.folder / f"{trainer.global_rank}.pt")


def trained(songs_root: Path, model, count: int, rate: float, callbacks: list[L.Callback]) -> None:
    """Train two epochs as one of `count` processes."""
    source = FolderSource(str(songs_root), "folders", ("B", "C"), (), STEMS, 44_100, 2)
    batches = Batches(seconds=0.05, batch_size=2, epoch_size=8, valid_per_song=3, num_workers=0)
    data = StemsDataModule(source, augment(unmixed=0.2, effects=VARIED), batches, seed=0)
    loss = MultiDomainLoss(0.5, 0.3, 0.2, n_fft=32, hop_length=8)
    optimizer, scheduler = (
        partial(torch.optim.AdamW, lr=rate, fused=True),
        partial(warmup_cosine, warmup_steps=2, final=0.1),
    )
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = L.Trainer(
        accelerator="cpu",
        devices=count,
        strategy="ddp" if count > 1 else "auto",
        max_epochs=2,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        enable_model_summary=False,
        gradient_clip_val=1.0,
        callbacks=callbacks,
        **quiet,
    )
    trainer.fit(SeparationModule(model, loss, optimizer, scheduler), data)


def ranks(
    songs_root: Path, folder: Path, model, count: int, *callbacks: L.Callback, rate: float = 0.0
) -> list[tuple[Tensor, dict[str, float]]]:
    """Train in `count` processes; return the excerpts (b n c t) and scores of each."""
    folder.mkdir()
    arguments = songs_root, model, count, rate, [*callbacks, Recorder(folder)]
    if count == 1:
        trained(*arguments)
    else:
        in_ranks(count, trained, *arguments)
    return [torch.load(folder / f"{rank}.pt") for rank in range(count)]


def test_two_processes_average_and_validate_the_same_weights(songs_root, tmp_path, tiny_model):
    shares = ranks(songs_root, tmp_path / "two", tiny_model, 2, Ema(half_life=2.0), rate=0.01)
    (average, raw), (same_average, same_raw) = (torch.load(tmp_path / "two" / f"weights-{rank}.pt") for rank in (0, 1))
    for one, other in ((average, same_average), (raw, same_raw)):
        assert all(torch.equal(other[name], weight) for name, weight in one.items())
    assert not torch.equal(average["model.final_norm.gamma"], raw["model.final_norm.gamma"])
    assert shares[0][1] == pytest.approx(shares[1][1])
    tiny_model.load_state_dict({name.removeprefix("model."): weight for name, weight in average.items()})
    [(_, scores)] = ranks(songs_root, tmp_path / "one", tiny_model, 1)
    assert scores == pytest.approx(shares[0][1], rel=1e-5)


class Broken(RandomExcerpts):
    """Excerpts with a NaN in the second rank's first excerpt of the second step."""

    def __getitem__(self, key: ExcerptKey) -> Tensor:
        stems = super().__getitem__(key)
        if key == (0, 5):
            stems[0, 0, 0] = torch.nan
        return stems


@dataclass
class Breaks(L.Callback):
    """Train on `Broken` excerpts, and record the weights after each step."""

    folder: Path

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        trainer.train_dataloader.dataset.__class__ = Broken
        self.weights: list[Tensor] = []

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: SeparationModule, *_: object) -> None:
        self.weights.append(pl_module.model.final_norm.gamma.detach().clone())

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        torch.save(torch.stack(self.weights), self.folder / f"weights-{trainer.global_rank}.pt")


def test_a_faulty_step_of_one_rank_is_skipped_on_all(songs_root, tmp_path, tiny_model):
    in_ranks(2, trained, songs_root, tiny_model, 2, 1e-2, [Breaks(tmp_path), Faults(str(tmp_path), most=1, window=9)])
    first, second = (torch.load(tmp_path / f"weights-{rank}.pt") for rank in (0, 1))
    assert torch.equal(first, second)
    steps = [bool(before.ne(after).any()) for before, after in pairwise(first)]
    assert steps == [False, True, True]  # the second step to the fourth
    [line] = read_lines(tmp_path / "faults.jsonl")
    assert (line["step"], line["rank"], line["excerpts"], line["at_fault"]) == (2, 1, [[0, 5]], True)
