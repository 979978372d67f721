"""Training in two processes on the CPU, compared with one."""

import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor

from bsroformer.data.datamodule import Batches, StemsDataModule
from bsroformer.data.sources import FolderSource
from bsroformer.losses import MultiDomainLoss
from bsroformer.losses.sdr import active_stems
from bsroformer.models import ModelSettings
from bsroformer.models.bs_roformer import BandSplitRoformer
from bsroformer.training import SeparationModule
from bsroformer.training.muon import Muon
from bsroformer.training.schedule import warmup_cosine
from support.augments import VARIED, augment
from support.warm import in_ranks

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec")
STEMS = ("vocals", "other")


@dataclass
class Recorder(L.Callback):
    """Write a rank's excerpts, gradients, weights and scores to a file of its own."""

    folder: Path

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        self.trained: list[Tensor] = []
        self.gradients: list[Tensor] = []
        warnings.filterwarnings("error", message=r".*sync_dist")

    def on_train_batch_start(self, trainer, pl_module, batch: Tensor, batch_idx: int) -> None:
        self.trained.append(batch.clone())

    def on_before_optimizer_step(self, trainer, pl_module, optimizer) -> None:
        self.gradients.append(flat(parameter.grad for parameter in pl_module.parameters()))

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        kept = {
            "excerpts": torch.cat(self.trained),
            "gradients": torch.stack(self.gradients),
            "weights": flat(pl_module.parameters()),
            "scores": {n: float(score) for n, score in trainer.callback_metrics.items() if n.startswith("val/")},
        }
        torch.save(kept, self.folder / f"{trainer.global_rank}.pt")


def flat(tensors) -> Tensor:
    """All numbers as one vector."""
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


def ranks(songs_root: Path, folder: Path, model: BandSplitRoformer, count: int, **changes: Any) -> list[dict[str, Any]]:
    """Train in `count` processes; return the record of each.

    Args:
        songs_root: The songs.
        folder: Folder of the processes' files; created if missing.
        model: The model to train; its weights stay as they are if ``lr`` is 0.
        count: Number of processes.
        changes: Settings that differ from `usual` in `train`.
    """
    folder.mkdir(exist_ok=True)
    if count == 1:
        train(songs_root, folder, model, count, changes)
    else:
        in_ranks(count, train, songs_root, folder, model, count, changes)
    return [torch.load(folder / f"{rank}.pt") for rank in range(count)]


def train(songs_root: Path, folder: Path, model: BandSplitRoformer, count: int, changes: dict[str, Any]) -> None:
    """Train as one of `count` processes."""
    usual = {"batch": 2, "accumulated": 1, "lr": 0.0, "steps": -1, "silent": 0.0, "workers": 0, "resumed": None}
    usual["optimizer"] = torch.optim.SGD
    chosen = usual | changes
    source = FolderSource(str(songs_root), "folders", ("B", "C"), (), STEMS, 44_100, 2)
    batches = Batches(0.05, chosen["batch"], epoch_size=16, valid_per_song=3, num_workers=chosen["workers"])
    augmented = augment(unmixed=0.2, silent_prob=chosen["silent"], active_db=None, effects=VARIED)
    loss = MultiDomainLoss(0.5, 0.3, 0.2, n_fft=32, hop_length=8)
    optimizer, scheduler = (
        partial(chosen["optimizer"], lr=chosen["lr"]),
        partial(warmup_cosine, warmup_steps=0, final=1.0),
    )
    last = ModelCheckpoint(folder, "last", every_n_train_steps=1, enable_version_counter=False)
    trainer = L.Trainer(
        accelerator="cpu",
        devices=count,
        strategy="ddp" if count > 1 else "auto",
        max_epochs=2,
        max_steps=chosen["steps"],
        accumulate_grad_batches=chosen["accumulated"],
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        logger=False,
        callbacks=[Recorder(folder), last],
    )
    module = SeparationModule(model, loss, optimizer, scheduler)
    trainer.fit(module, StemsDataModule(source, augmented, batches, seed=0), ckpt_path=chosen["resumed"])


def in_turn(shares: list[Tensor]) -> Tensor:
    """Interleave the excerpts (b ...) of all processes, as one process has them."""
    return torch.stack(shares, dim=1).flatten(0, 1)  # (b r) -> b


def difference(found: Tensor, expected: Tensor) -> float:
    """Distance of two vectors relative to the norm of the second."""
    return float((found - expected).norm() / expected.norm())


def test_two_processes_share_the_excerpts_of_one(songs_root, tmp_path, tiny_model):
    [one] = ranks(songs_root, tmp_path / "one", tiny_model, 1)
    two = ranks(songs_root, tmp_path / "two", tiny_model, 2)
    assert torch.equal(in_turn([rank["excerpts"] for rank in two]), one["excerpts"])
    assert len(one["excerpts"]) == len(torch.unique(one["excerpts"], dim=0)) == 32
    assert len(one["scores"]) == 7  # the loss, and two scores of two stems and on average
    for rank in two:
        assert rank["scores"] == pytest.approx(one["scores"], rel=1e-6)


@pytest.mark.parametrize("accumulated", [1, 2])
def test_two_processes_learn_as_one_with_twice_the_batch(songs_root, tmp_path, tiny_tree, accumulated):
    """The processes may differ in the number of silent stems."""
    changes = {"silent": 0.5, "lr": 0.01, "accumulated": accumulated}
    [one] = ranks(songs_root, tmp_path / "one", model(tiny_tree), 1, batch=4, **changes)
    two = ranks(songs_root, tmp_path / "two", model(tiny_tree), 2, batch=2, **changes)
    shares = [rank["excerpts"] for rank in two]
    assert torch.equal(in_turn(shares), one["excerpts"])
    sounding = torch.stack([active_stems(share).view(-1, 2, 2).sum((1, 2)) for share in shares])  # (r batches)
    assert (sounding[0] != sounding[1]).any()
    assert len(one["gradients"]) == 8 // accumulated
    for rank in two:
        assert difference(rank["gradients"][0], one["gradients"][0]) < 1e-6
        assert difference(rank["gradients"], one["gradients"]) < 1e-5  # that of weights which differ by rounding
        assert difference(rank["weights"] - start(tiny_tree), one["weights"] - start(tiny_tree)) < 1e-5
        assert torch.equal(rank["weights"], two[0]["weights"])


def test_muon_keeps_the_weights_of_two_processes_equal(songs_root, tmp_path, tiny_tree):
    two = ranks(songs_root, tmp_path / "two", model(tiny_tree), 2, batch=2, lr=0.01, optimizer=Muon)
    assert torch.equal(two[0]["weights"], two[1]["weights"])
    assert difference(two[0]["weights"], start(tiny_tree)) > 0.01


@pytest.mark.slow
def test_two_processes_resume_exactly(songs_root, tmp_path, tiny_tree):
    changes = {"lr": 0.01, "workers": 1}
    whole = ranks(songs_root, tmp_path / "whole", model(tiny_tree), 2, steps=6, **changes)
    first = ranks(songs_root, tmp_path / "parts", model(tiny_tree), 2, steps=3, **changes)
    resumed = tmp_path / "parts" / "last.ckpt"
    second = ranks(songs_root, tmp_path / "parts", model(tiny_tree), 2, steps=6, resumed=resumed, **changes)
    for rank in range(2):
        excerpts = torch.cat([part[rank]["excerpts"] for part in (first, second)])
        assert torch.equal(excerpts, whole[rank]["excerpts"])
        assert torch.equal(second[rank]["weights"], whole[rank]["weights"])


def model(tree: dict[str, Any]) -> BandSplitRoformer:
    """A model with the same weights each time."""
    torch.manual_seed(0)
    return BandSplitRoformer(ModelSettings.from_dict(tree))


def start(tree: dict[str, Any]) -> Tensor:
    """Its initial weights."""
    return flat(model(tree).parameters())
