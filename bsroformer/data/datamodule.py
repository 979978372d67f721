"""Songs as Lightning takes them."""

import hashlib
import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from bsroformer.data.augment import Augment
from bsroformer.data.batch_schedule import START, BatchSchedule, BatchSizes, Position
from bsroformer.data.excerpts import EpochSampler, RandomExcerpts
from bsroformer.data.layouts import SPLITS, TrackFiles
from bsroformer.data.loader import BatchCounts, ReadingLoader, TrainingLoader, leave_signals
from bsroformer.data.mixture_check import refuse_single_stem, refuse_unnamed_part, unnamed_stems
from bsroformer.data.packs import TrainingTracks, tracks_of_pack, training_tracks
from bsroformer.data.sources import Source
from bsroformer.data.splits import Track, open_tracks
from bsroformer.data.validation import PerSong, ValidationExcerpt, ValidationExcerpts
from bsroformer.errors import InputError


@dataclass(frozen=True)
class Batches:
    """How songs become batches.

    Attributes:
        seconds: Length of an excerpt.
        batch_size: Excerpts in a batch of one device.
        epoch_size: Training excerpts of an epoch, over all devices.
        valid_per_song: Validation excerpts of each song; ``all`` are consecutive ones, which score whole songs.
        num_workers: Processes that read; 0 reads in the training process.
        overfit_songs: Train, validate and test on these first training songs alone; None uses the splits.

    Raises:
        InputError: If a number is out of range.
    """

    seconds: float
    batch_size: int
    epoch_size: int
    valid_per_song: PerSong
    num_workers: int
    overfit_songs: int | None = None

    def __post_init__(self) -> None:
        least = {"batch_size": 1, "epoch_size": 1, "num_workers": 0, "overfit_songs": 1}
        for name, minimum in least.items():
            value = getattr(self, name)
            if value is not None and value < minimum:
                raise InputError(f"data.{name}={value} must be {minimum} or more")
        per_song = self.valid_per_song
        if per_song != "all" and (not isinstance(per_song, int) or isinstance(per_song, bool) or per_song < 1):
            raise InputError(f"data.valid_per_song={per_song} must be 1 or more, or all")
        if not self.seconds > 0:
            raise InputError(f"data.seconds={self.seconds} must be above 0")


class StemsDataModule(L.LightningDataModule):
    """Batches of stems ``(b n c t)``: random mixes to train on, excerpts that never change to validate on.

    Args:
        source: The songs.
        augment: How training excerpts are put together and varied.
        batches: How songs become batches.
        seed: Of all that is random in training excerpts, 0 or more.
        pack: Folder of the songs' packs; None reads their files.
    """

    def __init__(self, source: Source, augment: Augment, batches: Batches, seed: int, pack: Path | None = None) -> None:
        super().__init__()
        if seed < 0:
            raise InputError(f"seed={seed} must be 0 or more")
        self.source, self.augment, self.batches, self.seed, self.pack = source, augment, batches, seed, pack
        self.frames = round(batches.seconds * source.form.sample_rate)
        self._songs: TrainingTracks | None = None
        self._test_files: list[TrackFiles] | None = None
        self.start = START
        self.unnamed: list[str] = []  # stems on disk that are not heard

    @property
    def songs(self) -> TrainingTracks:
        """The songs to train and validate on, once `setup` has found them."""
        assert self._songs is not None, "setup() comes first"
        return self._songs

    @property
    def test_files(self) -> list[TrackFiles]:
        """The songs to test on, unopened: a faulty one stops no training that does not evaluate."""
        assert self._test_files is not None, "setup() comes first"
        return self._test_files

    @cached_property
    def test(self) -> list[Track]:
        """The songs to test on, read from their files.

        Raises:
            InputError: If one is faulty.
        """
        return open_tracks(self.test_files, self.source.form).test

    def state_dict(self) -> dict[str, Any]:
        """What the excerpts of a run are drawn from, in short, how many make what, and which is the next."""
        position = self._position()
        stand = self._row().after(position.batches) if position else self.start
        return {"drawn_from": self._drawn_from(), "sizes": self.sizes()._asdict(), "stand": stand._asdict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the excerpt after the last, and say so if others will be drawn than would have been drawn."""
        if state_dict["drawn_from"] != self._drawn_from():
            warnings.warn(
                "The songs to train on are not those that this run began with, or have been packed since, so that it "
                "is known where they rest: from here on it draws other excerpts than it would have drawn.",
                stacklevel=1,
            )
        if "stand" in state_dict:  # a checkpoint from before has none: its batches are taken to be as large as these
            self.start = Position(**state_dict["stand"])
        if self.start.excerpt > self.batches.epoch_size:
            warnings.warn(
                f"The epoch under way has had {self.start.excerpt} excerpts, more than data.epoch_size="
                f"{self.batches.epoch_size} gives it now: this run goes on with the first excerpt of the next epoch.",
                stacklevel=1,
            )

    def sizes(self) -> BatchSizes:
        """How many excerpts make an epoch, a batch and a step now, over all devices."""
        batch = self.batches.batch_size * self._share()[1]
        return BatchSizes(
            self.batches.epoch_size, batch, batch * (self.trainer.accumulate_grad_batches if self.trainer else 1)
        )

    def _row(self) -> BatchSchedule:
        sizes = self.sizes()
        return BatchSchedule(sizes.epoch, sizes.batch, self.start)

    def _drawn_from(self) -> str:
        """A digest of all that decides where an excerpt begins, apart from the configuration."""
        rests_count = self.augment.active_db is not None
        songs = [
            (song.name, song.stems, song.frames, rests_count and song.levels is not None) for song in self.songs.train
        ]
        return hashlib.sha256(repr(songs).encode()).hexdigest()

    def prepare_data(self) -> None:
        """Make the songs, if this source makes them (once on each machine)."""
        self.source.make()

    def setup(self, stage: str) -> None:
        """Find the songs.

        Raises:
            InputError: If there are none to train or to validate on.
        """
        if stage == "fit":  # before a checkpoint is read, if there is one
            self.start = START
        if self._songs is not None:
            return
        refuse_single_stem(self.source.form.stems)
        if self.pack and self.pack.is_dir() and not (self.source.place and self.source.place.exists()):
            songs, test_files = tracks_of_pack(self.source.form, self.pack), []
            if few := self.batches.overfit_songs:
                songs = replace(songs, train=songs.train[:few], valid=songs.train[:few])
        else:
            files = self._chosen(self.source.files())
            songs = training_tracks(files, self.source.form, self.pack)
            self._refuse_unnamed_part(files, songs)
            test_files = [song for song in files if song.split == "test"]
        for split in ("train", "valid"):
            if not getattr(songs, split):
                others = "leave some out of" if split == "train" else "name some in"
                raise InputError(
                    f"the data set has no {split} songs: add a folder {split}/, or {others} data.valid_songs"
                )
        self._songs, self._test_files = songs, test_files

    def _refuse_unnamed_part(self, files: list[TrackFiles], songs: TrainingTracks) -> None:
        """Compare the mixtures of songs with the sum of the stems that will be heard."""
        found = {(song.split, song.name): song for song in files}
        pairs = [
            (found[split, song.name], song)
            for split, of_split in (("train", songs.train), ("valid", songs.valid))
            for song in of_split
        ]
        self.unnamed = unnamed_stems(files, self.source.form.stems)
        refuse_unnamed_part(pairs, self.source.form.stems, self.source.form.sample_rate)

    def _chosen(self, files: list[TrackFiles]) -> list[TrackFiles]:
        """All songs, or the few to overfit on, in every split."""
        if not self.batches.overfit_songs:
            return files
        train = sorted((song for song in files if song.split == "train"), key=lambda song: song.name)
        few = train[: self.batches.overfit_songs]
        return [replace(song, split=split) for split in SPLITS for song in few]

    def train_dataloader(self) -> DataLoader[Tensor]:
        """Random excerpts; the last incomplete batch of an epoch is left out."""
        excerpts = RandomExcerpts(self.songs.train, self.source.form, self.frames, self.augment, self.seed)
        rank, ranks = self._share()
        sampler = EpochSampler(self.batches.epoch_size, rank, ranks)
        if len(sampler) < self.batches.batch_size:
            raise InputError(
                f"data.epoch_size={self.batches.epoch_size} gives {ranks} device(s) less than one batch of "
                f"{self.batches.batch_size}: raise it, or lower data.batch_size"
            )
        return TrainingLoader(
            excerpts,
            self.batches.batch_size,
            sampler,
            self._position,
            num_workers=self.batches.num_workers,
            pin_memory=torch.cuda.is_available(),
            start=self.start,
        )

    def val_dataloader(self) -> DataLoader[ValidationExcerpt]:
        """Excerpts of the validation songs, shared out over the devices: none twice, none left out.

        Raises:
            InputError: If there are fewer than devices; those without would hold up the others.
        """
        excerpts = ValidationExcerpts(self.songs.valid, self.frames, self.batches.valid_per_song)
        rank, ranks = self._share()
        if len(excerpts) < ranks:
            raise InputError(
                f"{len(excerpts)} validation excerpts are too few for {ranks} devices: raise data.valid_per_song, "
                "or set it to all"
            )
        return ReadingLoader(
            excerpts,
            self.batches.batch_size,
            sampler=range(rank, len(excerpts), ranks),
            num_workers=self.batches.num_workers,
            persistent_workers=self.batches.num_workers > 0,
            worker_init_fn=leave_signals,
            pin_memory=torch.cuda.is_available(),
        )

    def _share(self) -> tuple[int, int]:
        """Rank of this process, and number of processes."""
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    def _position(self) -> BatchCounts | None:
        if self.trainer is None:
            return None
        progress = self.trainer.fit_loop.epoch_loop.batch_progress
        trained: int = progress.total.processed  # type: ignore[attr-defined]  # declared as a tracker of less
        return BatchCounts(trained, progress.current.ready)
