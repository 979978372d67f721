from types import SimpleNamespace

import pytest
import torch
from augments import VARIED, augment

from bsroformer.data.datamodule import Batches, StemsDataModule
from bsroformer.data.sources import FolderSource
from bsroformer.errors import InputError

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


def rank(rank: int, ranks: int) -> SimpleNamespace:
    return SimpleNamespace(global_rank=rank, world_size=ranks)


def test_batches_are_stems_and_the_incomplete_one_is_left_out_of_training(songs_root):
    batches = list(module(songs_root).train_dataloader())
    assert len(batches) == 3
    assert all(batch.shape == (2, 2, 2, 441) and batch.dtype == torch.float32 for batch in batches)


def test_validation_has_every_fixed_excerpt_of_the_validation_songs(songs_root):
    loader = module(songs_root).val_dataloader()
    batches = list(loader)
    assert [len(batch) for batch in batches] == [2, 1]
    assert all(torch.equal(*pair) for pair in zip(batches, loader, strict=True))


def test_training_excerpts_are_drawn_from_the_training_songs_alone(songs_root):
    data = module(songs_root)
    assert [track.name for track in data.train_dataloader().dataset.songs] == ["A", "C"]


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
def test_a_data_set_without_songs_to_train_or_validate_on_is_told(songs_root, tmp_path, split):
    if split == "train":
        (tmp_path / "test").symlink_to(songs_root / "test")
        songs_root = tmp_path
    with pytest.raises(InputError, match=f"has no {split} songs: add a folder {split}/"):
        module(songs_root, valid_songs=())
