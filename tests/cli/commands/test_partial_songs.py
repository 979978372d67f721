"""Training, validation and evaluation where songs have unknown stems."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from bsroformer.cli.commands.train.command import train
from support.launched import composed, small_run

pytestmark = [
    pytest.mark.usefixtures("without_pictures"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec"),
]
KNOWN = {"train/A": ("vocals",), "train/C": ("drums",), "valid/B": ("vocals", "bass"), "test/D": ("drums", "other")}


@pytest.fixture(scope="module")
def root(songs_root, tmp_path_factory) -> Path:
    """The songs with a mixture and some of their stems."""
    root = tmp_path_factory.mktemp("partial")
    for song, stems in KNOWN.items():
        source = songs_root / song.replace("valid", "train")
        (root / song).mkdir(parents=True)
        for stem in stems:
            (root / song / f"{stem}.wav").symlink_to(source / f"{stem}.wav")
        mixture = np.sum([soundfile.read(file)[0] for file in sorted(source.iterdir())], axis=0)
        soundfile.write(root / song / "mixture.wav", mixture, 44_100, subtype="FLOAT")
    return root


def run(root: Path, folder: Path, *overrides: str) -> None:
    words = small_run(root, "data.missing=unknown", f"paths.output_dir={folder}", "data.valid_songs=[]", *overrides)
    train(composed("train", *words))


def test_what_is_known_is_trained_on_and_scored(root, tmp_path, capsys):
    run(root, tmp_path, "evaluate=true", "data.num_workers=1", "data.batch_size=4")
    printed = " ".join(capsys.readouterr().out.split())
    assert "2 of 2 songs have unknown stems; known are vocals in 1, drums in 1, bass in 0, other in 0" in printed
    assert "No song to train on knows bass, other; only sums that contain them are trained" in printed
    assert "Silent or unknown, and without a score: 2 of 4 stems: D (vocals and bass)" in printed
