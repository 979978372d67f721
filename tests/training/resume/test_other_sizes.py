"""Resume with batches or epochs of another size.

No excerpt is repeated, and all steps are whole.
"""

from pathlib import Path

import pytest
import torch

from bsroformer.run_folder import LAST
from support.runs import batches_recorded, checkpoint, start

pytestmark = [
    pytest.mark.usefixtures("without_pictures"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec"),
]

# Two epochs of 16 excerpts; no dropout, which follows from the number of a batch.
PLAIN = ("model.trunk.dropout=0", "trainer.max_epochs=2", "scheduler.warmup_steps=0", "data.seconds=0.05")


def sizes(batch_size: int, accumulated: int) -> tuple[str, str]:
    return f"data.batch_size={batch_size}", f"trainer.accumulate_grad_batches={accumulated}"


def resume_from(folder: Path) -> str:
    """The override to resume with the configuration of the command line."""
    return f"ckpt_path={folder}/checkpoints/{LAST}"


def trained_on(songs_root: Path, folder: Path, *overrides: str, batches: int | None = None) -> torch.Tensor:
    """The excerpts ``(b n c t)`` that a run trains on, cut after some batches."""
    with batches_recorded(batches) as seen:
        start(songs_root, folder, *PLAIN, *overrides)
    return torch.cat(seen)


@pytest.fixture(scope="module")
def whole(songs_root, tmp_path_factory) -> tuple[Path, torch.Tensor]:
    """An uninterrupted run and its training excerpts."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, trained_on(songs_root, folder, *sizes(1, 2))


@pytest.mark.parametrize(
    ("before", "batches", "after", "workers"),
    [((2, 1), 3, (1, 2), 0), ((1, 2), 6, (2, 1), 0), ((2, 1), 8, (1, 2), 0), ((2, 1), 11, (1, 2), 2)],
)
def test_a_resume_continues_with_the_next_excerpt(songs_root, tmp_path, whole, before, batches, after, workers):
    folder, expected = whole
    first = trained_on(songs_root, tmp_path, *sizes(*before), batches=batches)
    resumed = trained_on(songs_root, tmp_path, resume_from(tmp_path), *sizes(*after), f"data.num_workers={workers}")
    assert torch.equal(torch.cat([first, resumed]), expected)
    found, wanted = checkpoint(tmp_path), checkpoint(folder)
    assert found["global_step"] == wanted["global_step"] == 16
    torch.testing.assert_close(found["current_model_state"], wanted["current_model_state"], rtol=1e-3, atol=1e-5)


def test_sizes_can_change_repeatedly(songs_root, tmp_path, whole):
    seen = [trained_on(songs_root, tmp_path, *sizes(2, 1), batches=3)]
    for size, batches in (((1, 2), 4), ((2, 1), 6), ((1, 2), None)):
        seen.append(trained_on(songs_root, tmp_path, resume_from(tmp_path), *sizes(*size), batches=batches))
    assert torch.equal(torch.cat(seen), whole[1])
    assert checkpoint(tmp_path)["global_step"] == 16


@pytest.mark.parametrize("size", [(4, 1), (3, 2), (8, 1)])
def test_larger_steps_continue_with_the_next_excerpt(songs_root, tmp_path, whole, size):
    first = trained_on(songs_root, tmp_path, *sizes(2, 1), batches=3)
    resumed = trained_on(songs_root, tmp_path, resume_from(tmp_path), *sizes(*size))
    in_first_epoch = (16 - 6) // size[0] * size[0]
    assert torch.equal(resumed[:in_first_epoch], whole[1][6 : 6 + in_first_epoch])
    assert len(torch.unique(torch.cat([first, resumed]), dim=0)) == len(first) + len(resumed)
    assert len(resumed) >= 16 // size[0] * size[0]
    progress = checkpoint(tmp_path)["loops"]["fit_loop"]["epoch_progress"]["total"]
    assert progress["completed"] == 2


def test_an_epoch_shorter_than_its_progress_ends_with_a_warning(songs_root, tmp_path, whole, capsys):
    first = trained_on(songs_root, tmp_path, *sizes(2, 1), batches=3)
    resumed = trained_on(songs_root, tmp_path, resume_from(tmp_path), *sizes(2, 1), "data.epoch_size=4")
    printed = " ".join(capsys.readouterr().out.split())
    assert "has had 6 excerpts, more than data.epoch_size=4; resuming with the first" in printed
    assert torch.equal(resumed[:4], whole[1][16:20])
    assert len(torch.unique(torch.cat([first, resumed]), dim=0)) == len(first) + len(resumed)


def test_an_epoch_can_be_made_longer(songs_root, tmp_path, whole, capsys):
    trained_on(songs_root, tmp_path, *sizes(2, 1), batches=3)
    resumed = trained_on(songs_root, tmp_path, resume_from(tmp_path), *sizes(2, 1), "data.epoch_size=20")
    assert torch.equal(resumed[:10], whole[1][6:16])
    assert len(resumed) == 20 - 6 + 20
    assert "data.epoch_size" not in capsys.readouterr().out


def test_a_checkpoint_without_sizes_resumes_as_before(songs_root, tmp_path, whole):
    first = trained_on(songs_root, tmp_path, *sizes(1, 2), batches=10)
    old = checkpoint(tmp_path)
    assert old["StemsDataModule"].keys() == {"drawn_from", "sizes", "stand"}
    del old["StemsDataModule"]["sizes"], old["StemsDataModule"]["stand"]
    torch.save(old, tmp_path / "checkpoints" / LAST)
    resumed = trained_on(songs_root, tmp_path, resume_from(tmp_path), *sizes(1, 2))
    assert torch.equal(torch.cat([first, resumed]), whole[1])
