from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from bsroformer.data.datamodule import Batches, StemsDataModule
from bsroformer.data.sources import FolderSource
from bsroformer.errors import InputError
from support.augments import VARIED, augment

pytestmark = pytest.mark.filterwarnings("ignore:.*pin_memory")


def module(root, valid_songs=("B",), trainer=None, seed=0, **changes) -> StemsDataModule:
    source = FolderSource(root, "folders", valid_songs, (), ("vocals", "other"), 44_100, 2)
    sizes = {
        "seconds": 0.01,
        "batch_size": 2,
        "epoch_size": 7,
        "valid_per_song": 3,
        "num_workers": 0,
    }
    data = StemsDataModule(source, augment(unmixed=0.2, effects=VARIED), Batches(**(sizes | changes)), seed)
    data.prepare_data()
    data.setup("fit")
    data.trainer = trainer
    return data


def rank(rank: int, ranks: int, trained: int = 0, of_epoch: int = 0) -> SimpleNamespace:
    """A trainer of one of several devices, after this many batches."""
    progress = SimpleNamespace(total=SimpleNamespace(processed=trained), current=SimpleNamespace(ready=of_epoch))
    fit_loop = SimpleNamespace(epoch_loop=SimpleNamespace(batch_progress=progress))
    return SimpleNamespace(global_rank=rank, world_size=ranks, fit_loop=fit_loop)


def test_batches_are_stems_and_incomplete_ones_are_skipped(songs_root):
    batches = list(module(songs_root).train_dataloader())
    assert len(batches) == 3
    assert all(batch.shape == (2, 2, 2, 441) and batch.dtype == torch.float32 for batch in batches)


def test_validation_has_every_fixed_excerpt(songs_root):
    loader = module(songs_root).val_dataloader()
    batches = list(loader)
    assert [len(batch.stems) for batch in batches] == [2, 1]
    assert all(torch.equal(one.stems, other.stems) for one, other in zip(batches, loader, strict=True))


@pytest.mark.parametrize(("seconds", "frames"), [(None, 4410), (0.2, 8820)])
def test_validation_excerpts_can_have_a_length_of_their_own(songs_root, seconds, frames):
    data = module(songs_root, seconds=0.1, valid_seconds=seconds)
    [batch, *_] = data.val_dataloader()
    assert batch.stems.shape[-1] == frames
    [stems, *_] = data.train_dataloader()
    assert stems.shape[-1] == 4410


def test_the_length_of_validation_excerpts_is_above_0():
    with pytest.raises(InputError, match=r"data.valid_seconds=0 must be above 0"):
        Batches(seconds=1, batch_size=1, epoch_size=1, valid_per_song=1, num_workers=0, valid_seconds=0)


@pytest.mark.parametrize("per_song", [5, "all"])
def test_devices_share_the_validation_excerpts(songs_root, per_song):
    changes = {"valid_per_song": per_song, "batch_size": 1, "seconds": 0.15}
    alone = list(module(songs_root, **changes).val_dataloader())
    shares = [list(module(songs_root, trainer=rank(r, 3), **changes).val_dataloader()) for r in range(3)]
    for number, batch in enumerate(alone):
        assert all(torch.equal(*pair) for pair in zip(batch, shares[number % 3][number // 3], strict=True))
    assert sum(len(share) for share in shares) == len(alone)


def test_fewer_validation_excerpts_than_devices_are_refused(songs_root):
    with pytest.raises(
        InputError, match=r"3 validation excerpts are too few for 4 devices; raise data\.valid_per_song"
    ):
        module(songs_root, trainer=rank(0, 4)).val_dataloader()


@pytest.mark.parametrize("value", [0, -1, 1.5, "most", None, True])
def test_validation_excerpts_are_a_number_or_all(value):
    with pytest.raises(InputError, match=rf"data\.valid_per_song={value} must be 1 or more, or all"):
        Batches(seconds=1, batch_size=1, epoch_size=1, valid_per_song=value, num_workers=0)


@pytest.mark.parametrize("ranks", [1, 2])
def test_training_resumes_with_the_batch_after_the_last(songs_root, ranks):
    def batches(trained: int, of_epoch: int) -> list[Tensor]:
        trainer = rank(ranks - 1, ranks, trained, of_epoch)
        return list(module(songs_root, trainer=trainer, epoch_size=13).train_dataloader())

    first, second = batches(0, 0), batches(len(batches(0, 0)), 0)
    size = len(first)
    assert not torch.equal(first[0], second[0])
    remaining = batches(2, of_epoch=2)
    assert len(remaining) == size - 2
    assert all(torch.equal(*pair) for pair in zip(remaining, first[2:], strict=True))
    after_an_early_end = batches(2, of_epoch=0)
    assert all(torch.equal(*pair) for pair in zip(after_an_early_end, (first + second)[2:][:size], strict=True))
    assert batches(size, of_epoch=size) == []


def test_training_excerpts_come_from_training_tracks_alone(songs_root):
    data = module(songs_root)
    assert [track.name for track in data.train_dataloader().dataset.tracks] == ["A", "C"]


def test_the_seed_decides_what_is_drawn(songs_root):
    first, same, other = (torch.stack(list(module(songs_root, seed=seed).train_dataloader())) for seed in (0, 0, 1))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_two_devices_draw_together_what_one_draws(songs_root):
    alone = torch.cat(list(module(songs_root, batch_size=1, epoch_size=6).train_dataloader()))
    shares = [
        torch.cat(list(module(songs_root, batch_size=1, epoch_size=6, trainer=rank(r, 2)).train_dataloader()))
        for r in (0, 1)
    ]
    assert torch.equal(torch.stack(shares, dim=1).flatten(0, 1), alone)


@pytest.mark.parametrize("split", ["train", "valid"])
def test_an_empty_split_is_refused(songs_root, tmp_path, split):
    if split == "train":
        (tmp_path / "test").symlink_to(songs_root / "test")
        songs_root = tmp_path
    with pytest.raises(InputError, match=f"has no {split} songs; add a folder {split}/"):
        module(songs_root, valid_songs=())
