"""The tracks of a source as Lightning's batches."""

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch.utils.data import DataLoader

from bsroformer.data.augment import Augment
from bsroformer.data.batch_schedule import START, Batches, BatchSchedule, BatchSizes, Position
from bsroformer.data.excerpts import EpochSampler, RandomExcerpts
from bsroformer.data.known_stems import TrainingBatch
from bsroformer.data.layouts import SPLITS, TrackFiles
from bsroformer.data.loader import BatchCounts, ReadingLoader, TrainingLoader, ignore_stop_signals
from bsroformer.data.mixture_check import refuse_single_stem, refuse_unnamed_part, unnamed_stems
from bsroformer.data.packs import TrainingTracks, tracks_of_pack, training_tracks
from bsroformer.data.sources import Source
from bsroformer.data.splits import open_tracks
from bsroformer.data.track import Track
from bsroformer.data.validation import ValidationExcerpt, ValidationExcerpts
from bsroformer.errors import InputError


class StemsDataModule(L.LightningDataModule):
    """Batches of stems ``(b n c t)`` to train and to validate on.

    Training batches are `KnownStems` if a song has unknown stems.

    Training uses random mixes, validation fixed excerpts.

    Args:
        source: The tracks.
        augment: How training excerpts are combined and varied.
        batches: Sizes of excerpts, batches and epochs.
        seed: Seed of all random numbers in training excerpts, 0 or more.
        pack: Folder of the tracks' packs; None reads their files.
    """

    def __init__(self, source: Source, augment: Augment, batches: Batches, seed: int, pack: Path | None = None) -> None:
        super().__init__()
        if seed < 0:
            raise InputError(f"seed={seed} must be 0 or more")
        self.source = source
        self.augment = augment
        self.batches = batches
        self.seed = seed
        self.pack = pack
        self.frames = round(batches.seconds * source.form.sample_rate)
        self.start = START
        self.unnamed: list[str] = []
        """Stems on disk that are in no mixture, since data.stems does not name them."""
        self._tracks: TrainingTracks | None = None
        self._test_files: list[TrackFiles] | None = None
        self.files: list[TrackFiles] = []
        """The files of all tracks after `setup`; empty where only packs exist."""

    @property
    def tracks(self) -> TrainingTracks:
        """The tracks to train and validate on, after `setup`."""
        assert self._tracks is not None, "setup() comes first"
        return self._tracks

    @property
    def test_files(self) -> list[TrackFiles]:
        """The tracks to test on, unopened.

        A faulty one stops no training that does not evaluate.
        """
        assert self._test_files is not None, "setup() comes first"
        return self._test_files

    @cached_property
    def test(self) -> list[Track]:
        """The tracks to test on, opened.

        Raises:
            InputError: If one is faulty.
        """
        return open_tracks(self.test_files, self.source.form).test

    def state_dict(self) -> dict[str, Any]:
        """Return the training set's digest, the sizes and the position."""
        counts = self._counts()
        position = self.start if counts is None else self._schedule().after(counts.total)
        return {"drawn_from": self._drawn_from(), "sizes": self.sizes()._asdict(), "stand": position._asdict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Resume at the excerpt after the last.

        Warn if other excerpts will be drawn than originally.
        """
        if state_dict["drawn_from"] != self._drawn_from():
            warnings.warn(
                "The training set changed since this run started, or was packed, so that its silent regions are known; "
                "excerpts will differ from those of the original run.",
                stacklevel=1,
            )
        if "stand" in state_dict:  # older checkpoints lack it: their batches are assumed to have these sizes
            self.start = Position(**state_dict["stand"])
        if self.start.excerpt > self.batches.epoch_size:
            warnings.warn(
                f"The current epoch has had {self.start.excerpt} excerpts, more than data.epoch_size="
                f"{self.batches.epoch_size}; resuming with the first excerpt of the next epoch.",
                stacklevel=1,
            )

    def sizes(self) -> BatchSizes:
        """Count the excerpts of an epoch, a batch and a step now, over all devices."""
        _, ranks = self._rank_of()
        batch = self.batches.batch_size * ranks
        accumulated = self.trainer.accumulate_grad_batches if self.trainer else 1
        return BatchSizes(self.batches.epoch_size, batch, batch * accumulated)

    def _schedule(self) -> BatchSchedule:
        sizes = self.sizes()
        return BatchSchedule(sizes.epoch, sizes.batch, self.start)

    def _drawn_from(self) -> str:
        """Compute a digest of the training set.

        It covers all that decides where an excerpt starts, beside the configuration.
        """
        uses_levels = self.augment.active_db is not None
        facts = []
        for track in self.tracks.train:
            weight = () if track.weight == 1 else (track.weight,)  # digests of older versions have none
            has_levels = uses_levels and track.levels is not None
            facts.append((track.name, track.stems, track.frames, has_levels, *weight))
        return hashlib.sha256(repr(facts).encode()).hexdigest()

    def prepare_data(self) -> None:
        """Create the tracks, if this source creates them (once on each machine)."""
        self.source.make()

    def setup(self, stage: str) -> None:
        """Find the tracks.

        Raises:
            InputError: If there are none to train or to validate on.
        """
        if stage == "fit":  # before a checkpoint is read, if there is one
            self.start = START
        if self._tracks is not None:
            return
        refuse_single_stem(self.source.form.stems)
        if self.pack and self.pack.is_dir() and not self._source_exists():
            tracks = self._few_of_pack(tracks_of_pack(self.source.form, self.pack))
            test_files: list[TrackFiles] = []
        else:
            files = self._chosen(self.source.files())
            self.files = files
            tracks = training_tracks(files, self.source.form, self.pack)
            self._check_mixtures(files, tracks)
            test_files = [song for song in files if song.split == "test"]
        _refuse_empty_split("train", tracks.train, "remove some from")
        _refuse_empty_split("valid", tracks.valid, "name some in")
        self._tracks = tracks
        self._test_files = test_files

    def _source_exists(self) -> bool:
        location = self.source.location
        return location is not None and location.exists()

    def _check_mixtures(self, files: list[TrackFiles], tracks: TrainingTracks) -> None:
        """Compare the mixtures of tracks with the sum of the stems that will be in them."""
        by_key = {(song.split, song.name): song for song in files}
        pairs = [(by_key["train", track.name], track) for track in tracks.train]
        pairs += [(by_key["valid", track.name], track) for track in tracks.valid]
        self.unnamed = unnamed_stems(files, self.source.form.stems)
        refuse_unnamed_part(pairs, self.source.form.stems, self.source.form.sample_rate)

    def _few_of_pack(self, tracks: TrainingTracks) -> TrainingTracks:
        """Keep all packed tracks, or the few to overfit on."""
        if not self.batches.overfit_songs:
            return tracks
        few = tracks.train[: self.batches.overfit_songs]
        return replace(tracks, train=few, valid=few)

    def _chosen(self, files: list[TrackFiles]) -> list[TrackFiles]:
        """Keep all tracks, or the few to overfit on, in every split."""
        if not self.batches.overfit_songs:
            return files
        train = sorted((song for song in files if song.split == "train"), key=lambda song: song.name)
        few = train[: self.batches.overfit_songs]
        return [replace(song, split=split) for split in SPLITS for song in few]

    def train_dataloader(self) -> DataLoader[TrainingBatch]:
        """Load random excerpts; an incomplete last batch of an epoch is skipped."""
        excerpts = RandomExcerpts(self.tracks.train, self.source.form, self.frames, self.augment, self.seed)
        rank, ranks = self._rank_of()
        sampler = EpochSampler(self.batches.epoch_size, rank, ranks)
        if len(sampler) < self.batches.batch_size:
            raise InputError(
                f"data.epoch_size={self.batches.epoch_size} is less than one batch of {self.batches.batch_size} on "
                f"each of {ranks} device(s); raise data.epoch_size, or lower data.batch_size"
            )
        return TrainingLoader(
            excerpts,
            self.batches.batch_size,
            sampler,
            self._counts,
            num_workers=self.batches.num_workers,
            pin_memory=torch.cuda.is_available(),
            start=self.start,
        )

    def val_dataloader(self) -> DataLoader[ValidationExcerpt]:
        """Load the validation excerpts, each on one device.

        Raises:
            InputError: If there are fewer than devices; a device without excerpts would block the others.
        """
        seconds = self.batches.valid_seconds or self.batches.seconds
        frames = round(seconds * self.source.form.sample_rate)
        excerpts = ValidationExcerpts(self.tracks.valid, self.source.form.stems, frames, self.batches.valid_per_song)
        rank, ranks = self._rank_of()
        if len(excerpts) < ranks:
            raise InputError(
                f"{len(excerpts)} validation excerpts are too few for {ranks} devices; raise data.valid_per_song, "
                "or set it to all"
            )
        return ReadingLoader(
            excerpts,
            self.batches.batch_size,
            sampler=range(rank, len(excerpts), ranks),
            num_workers=self.batches.num_workers,
            persistent_workers=self.batches.num_workers > 0,
            worker_init_fn=ignore_stop_signals,
            pin_memory=torch.cuda.is_available(),
        )

    def _rank_of(self) -> tuple[int, int]:
        """Return the rank of this process, and the number of processes."""
        if self.trainer is None:
            return 0, 1
        return self.trainer.global_rank, self.trainer.world_size

    def _counts(self) -> BatchCounts | None:
        if self.trainer is None:
            return None
        progress = self.trainer.fit_loop.epoch_loop.batch_progress
        trained: int = progress.total.processed  # type: ignore[attr-defined]  # declared as a tracker of less
        return BatchCounts(trained, progress.current.ready)


def _refuse_empty_split(split: str, tracks: Sequence[object], remedy: str) -> None:
    if not tracks:
        raise InputError(f"the data set has no {split} songs; add a folder {split}/, or {remedy} data.valid_songs")
