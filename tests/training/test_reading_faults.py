"""Runs in which a song becomes unreadable."""

import os
import shutil
import signal

import numpy as np
import pytest
import soundfile
import torch

from bsroformer.data.excerpts import RandomExcerpts
from bsroformer.data.loader import ReadingError, ReadingLoader
from support.runs import assert_same_end, checkpoint, start

pytestmark = [
    pytest.mark.usefixtures("without_pictures"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec"),
]
SPARE = "callbacks.last_checkpoint.every_minutes=60"


@pytest.fixture(scope="module")
def whole(songs_root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    start(songs_root, folder, SPARE)
    return folder


@pytest.mark.parametrize(
    "excerpt", [9, 20]
)  # of two in a batch, and three batches in a step: within a step, and in the second epoch
def test_steps_before_a_fault_are_saved_and_resumed_exactly(songs_root, tmp_path, whole, excerpt, capfd):
    read, songs = RandomExcerpts.__getitem__, tmp_path / "songs"
    shutil.copytree(songs_root, songs)
    count = 0

    def getitem(excerpts, key):
        nonlocal count
        count += 1
        if count == excerpt:
            for path in songs.rglob("train/*/vocals.wav"):
                soundfile.write(path, np.zeros((44_100, 1)), 44_100)
        return read(excerpts, key)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(RandomExcerpts, "__getitem__", getitem)
        start(songs, tmp_path / "run", SPARE)
    assert ended.value.code == 2
    message = " ".join(capfd.readouterr().err.split())
    assert "vocals.wav has 1 channel and 44100 Hz, and had 2" in message
    step = checkpoint(tmp_path / "run")["global_step"]
    assert step > 0 and f"resume={tmp_path / 'run'} continues from its last checkpoint" in message.replace(" /", "/")
    shutil.rmtree(songs)
    shutil.copytree(songs_root, songs)
    start(songs, tmp_path / "run", SPARE, f"resume={tmp_path / 'run'}")
    assert_same_end(tmp_path / "run", whole)


class Deadly(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> torch.Tensor:
        if index == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return torch.zeros(1)


def test_a_killed_worker_is_reported_with_the_remedy():
    with pytest.raises(ReadingError, match=r"ended by the system.*lower data\.num_workers or data\.batch_size"):
        list(ReadingLoader(Deadly(), num_workers=1))
