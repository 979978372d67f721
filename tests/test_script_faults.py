"""Bad input of the scripts: one sentence with the remedy, and no files left."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from bsroformer.checkpoints.save import save_model
from bsroformer.models.bs_roformer import BandSplitRoformer
from support.launched import SMALL_RUN, Script, composed, files_in, small_run

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec")


def fault(script: Script, *command: str) -> str:
    """Run a script with bad input and return its message, which has no traceback."""
    status, printed = script(*command)
    assert status != 0
    assert "Traceback" not in printed
    return printed


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    settings = composed("train", *SMALL_RUN, "data.root=songs").settings
    save_model(BandSplitRoformer(settings), path)
    return path


NOISE = np.random.default_rng(0).normal(0, 0.1, (44_100, 2))
NAN = np.where(np.arange(44_100)[:, None] == 500, np.nan, NOISE)
BAD_SONGS: dict[str, tuple[bytes | np.ndarray | None, str]] = {
    "missing.wav": (None, "There is no file"),
    "text.wav": (b"Dear diary\n", "is not an audio file"),
    "empty.wav": (b"", "is empty"),
    "zero.wav": (NOISE[:0], "holds no samples"),
    "nan.wav": (NAN, "holds NaN or infinite values, the first at sample 500"),
    "six.wav": (np.tile(NOISE, 3), "has 6 channels"),
}


@pytest.mark.parametrize("name", BAD_SONGS)
def test_a_bad_song_is_reported(script, checkpoint, tmp_path, name):
    content, reason = BAD_SONGS[name]
    if isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    elif content is not None:
        soundfile.write(tmp_path / name, content, 44_100, subtype="FLOAT")
    message = fault(script, "separate", f"ckpt={checkpoint}", f"input={name}", "output=out")
    assert re.fullmatch(rf"error: .*{name}.*\n", message)
    assert reason in message
    assert not files_in(tmp_path) - {name}


def test_a_surround_song_is_separated_if_its_downmix_is_wanted(script, checkpoint, tmp_path):
    soundfile.write(tmp_path / "six.wav", np.tile(NOISE, 3), 44_100)
    status, printed = script("separate", f"ckpt={checkpoint}", "input=six.wav", "output=out", "downmix=true")
    assert status == 0, printed
    assert files_in(tmp_path / "out") == {f"six/{stem}.wav" for stem in ("vocals", "drums", "bass", "other")}


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["ckpt=nowhere.ckpt"], "no checkpoint at nowhere.ckpt"),
        (["ckpt=text.ckpt"], "text.ckpt is not a checkpoint"),
        (["ckpt=x", "overlapp=0.5"], "overlapp"),
        (["ckpt=x", "separation=quick"], "separation=quick must be one of best, default, fast"),
    ],
)
@pytest.mark.parametrize("name", ["separate", "eval"])
def test_a_bad_checkpoint_or_key_is_reported(script, songs_root, tmp_path, name, overrides, reason):
    (tmp_path / "text.ckpt").write_text("Dear diary\n")
    song = songs_root / "test" / "D" / "vocals.wav"
    source = [f"input={song}"] if name == "separate" else ["data=folder", f"data.root={songs_root}"]
    assert reason in fault(script, name, *source, "output=out", *overrides)


def test_a_missing_song_or_a_file_as_output_is_reported(script, checkpoint, songs_root, tmp_path):
    message = fault(script, "separate", f"ckpt={checkpoint}", "output=out")
    assert "the key input has no value; give it on the command line as input=..." in message
    (tmp_path / "out" / "vocals").parent.mkdir(exist_ok=True)
    (tmp_path / "out" / "vocals").write_text("in the way")
    song = songs_root / "test" / "D" / "vocals.wav"
    message = fault(script, "separate", f"ckpt={checkpoint}", f"input={song}", "output=out")
    assert "out/vocals cannot be written" in message
    message = fault(script, "separate", f"input={song}", "output=out")
    assert "the key ckpt has no value; give it on the command line as ckpt=..." in message


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["data.root=nowhere"], "There is no data set folder nowhere"),
        (["data.root=nothing"], "nothing should hold the folders train/ and test/, but holds nothing"),
        (["data=musdb7", "data.root=null"], "No data set is named; set data.root"),
        (["trainer.max_stepz=3"], "trainer.max_stepz"),
        (["+trainer.max_stepz=3"], "takes no argument max_stepz; did you mean max_steps?"),
        (["model=unknown"], "model=unknown must be one of"),
        (["model.trunk.dim_head=3"], "trunk.dim_head"),
        (["model.stems=[piano]"], "model.stems has piano"),
        (["data.epoch_size=1"], "data.epoch_size=1"),
        (["trainer.precision=half"], "Precision 'half' is invalid"),
        (["init_from=nowhere.ckpt"], "no checkpoint at nowhere.ckpt"),
        (["ckpt_path=text.ckpt"], "text.ckpt is not a checkpoint"),
        (["callbacks=none", "evaluate=true"], "evaluate=true needs a checkpoint"),
        (["data.valid_songs=[]"], "has no valid songs"),
    ],
)
def test_a_bad_training_is_reported(script, songs_root, tmp_path, overrides, reason):
    (tmp_path / "nothing").mkdir()
    (tmp_path / "text.ckpt").write_text("Dear diary\n")
    run = small_run(songs_root, "paths.output_dir=out", *overrides)
    assert reason in " ".join(fault(script, "train", *run).split())


def test_a_sweep_over_several_devices_is_refused(script, songs_root):
    sweep = small_run(songs_root, "trainer=ddp", "optimizer.lr=1e-3,1e-4", "paths.output_dir=out")
    message = fault(script, "train", "-m", *sweep)
    assert "a sweep (-m) cannot run with several devices" in message


def test_missing_test_songs_are_reported_before_training(script, songs_root, tmp_path):
    (tmp_path / "songs").mkdir()
    (tmp_path / "songs" / "train").symlink_to(songs_root / "train")
    message = fault(script, "train", *small_run(tmp_path / "songs", "evaluate=true", "paths.output_dir=out"))
    assert "evaluate=true needs songs in test/" in message
    assert not (tmp_path / "out" / "checkpoints").exists()


@pytest.mark.skipif(torch.accelerator.is_available(), reason="there is a GPU")
def test_the_default_trainer_without_a_gpu_is_refused(script, songs_root):
    message = fault(script, "train", *small_run(songs_root, "trainer=rtx3050", "paths.output_dir=out"))
    assert "PyTorch finds no GPU here; choose trainer=cpu" in message
