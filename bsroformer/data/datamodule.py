"""Songs as Lightning takes them."""

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from bsroformer.data.excerpts import EpochSampler, FixedExcerpts, RandomExcerpts
from bsroformer.data.mixing import RandomMix
from bsroformer.data.sources import Source
from bsroformer.errors import InputError


class StemsDataModule(L.LightningDataModule):
    """Batches of stems ``(b n c t)``: random mixes to train on, fixed excerpts to validate on.

    Args:
        source: The songs.
        augment: How training excerpts are mixed and varied.
        seconds: Length of an excerpt.
        batch_size: Excerpts in a batch of one device.
        epoch_size: Training excerpts of an epoch, over all devices.
        valid_per_song: Validation excerpts of each song.
        num_workers: Processes that read; 0 reads in the training process.
        seed: Of all that is random in training excerpts.

    Raises:
        InputError: If a number is out of range.
    """

    def __init__(
        self,
        source: Source,
        augment: RandomMix,
        seconds: float,
        batch_size: int,
        epoch_size: int,
        valid_per_song: int,
        num_workers: int,
        seed: int,
    ) -> None:
        super().__init__()
        least = {"batch_size": (batch_size, 1), "valid_per_song": (valid_per_song, 1), "num_workers": (num_workers, 0)}
        for name, (value, minimum) in least.items():
            if value < minimum:
                raise InputError(f"data.{name}={value} must be {minimum} or more")
        if seconds <= 0 or seed < 0:
            raise InputError(f"data.seconds={seconds} must be above 0, and seed={seed} 0 or more")
        self.source, self.augment, self.seed = source, augment, seed
        self.frames = round(seconds * source.sample_rate)
        self.batch_size, self.epoch_size = batch_size, epoch_size
        self.valid_per_song, self.num_workers = valid_per_song, num_workers

    def prepare_data(self) -> None:
        """Make the songs, if this source makes them (once on each machine)."""
        self.source.prepare()

    def setup(self, stage: str) -> None:
        """Find the songs.

        Raises:
            InputError: If there are none to train or to validate on.
        """
        self.splits = self.source.splits()
        for split in ("train", "valid"):
            if not getattr(self.splits, split):
                raise InputError(
                    f"the data set has no {split} songs: add a folder {split}/ or name some in data.valid_songs"
                )

    def train_dataloader(self) -> DataLoader[Tensor]:
        """Random excerpts; the last incomplete batch of an epoch is left out."""
        excerpts = RandomExcerpts(self.splits.train, self.frames, self.augment, self.seed)
        trainer = self.trainer
        rank, ranks = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
        sampler = EpochSampler(self.epoch_size, rank, ranks)
        if len(sampler) < self.batch_size:
            raise InputError(
                f"data.epoch_size={self.epoch_size} gives {ranks} device(s) less than one batch of {self.batch_size}: "
                "raise it, or lower data.batch_size"
            )
        return self._loader(excerpts, sampler=sampler, drop_last=True)

    def val_dataloader(self) -> DataLoader[Tensor]:
        """Fixed excerpts of the validation songs."""
        return self._loader(FixedExcerpts(self.splits.valid, self.frames, self.valid_per_song))

    def _loader(
        self, dataset: Dataset[Tensor], sampler: Sampler | None = None, drop_last: bool = False
    ) -> DataLoader[Tensor]:
        return DataLoader(
            dataset,
            self.batch_size,
            sampler=sampler,
            drop_last=drop_last,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.accelerator.is_available(),
        )
