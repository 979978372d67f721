"""The commands with a small model with Spectral Feature Compression."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from bsroformer import load_model
from bsroformer.cli.commands.train.command import train
from bsroformer.models.spectral_compression import SpectralCompression
from support.compression import SMALL_MODEL
from support.launched import SMALL_RUN, composed, launch

TRAINING = [*(override for override in SMALL_RUN if not override.startswith("model")), *SMALL_MODEL]
pytestmark = [
    pytest.mark.usefixtures("without_pictures"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec"),
]


@pytest.fixture(scope="module")
def run(songs_root, tmp_path_factory) -> Path:
    """The folder of a training of two steps."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("here"))
        recomputed = "activation_checkpointing=true"
        train(composed("train", *TRAINING, recomputed, f"data.root={songs_root}", f"paths.output_dir={folder}"))
    return folder


@pytest.fixture
def song(tmp_path) -> Path:
    path = tmp_path / "song.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, (20_000, 2)), 44_100)
    return path


def separated(run: Path, song: Path, output: Path, *overrides: str) -> dict[str, np.ndarray]:
    """Separate a file; return the samples of each stem."""
    launch("separate", f"ckpt={run}", f"input={song}", f"output={output}", "device=cpu", "precision=fp32", *overrides)
    return {path.stem: soundfile.read(path)[0] for path in output.rglob("*.wav")}


def test_it_trains_and_its_checkpoint_is_loaded(run):
    model = load_model(run)
    assert isinstance(model, SpectralCompression)
    assert model.settings.compression.bands == 4
    assert model.stems == ("vocals", "drums", "bass", "other")


def test_its_training_resumes(run, script):
    status, printed = script("train", f"resume={run}", "trainer.max_steps=3")
    assert status == 0, printed
    assert "Resuming from step 2" in " ".join(printed.split())
    assert torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 3


def test_a_model_of_other_stems_starts_from_its_weights(run, songs_root, tmp_path):
    chosen = "data.stems=[vocals,other]", f"init_from={run}", f"data.root={songs_root}"
    train(composed("train", *TRAINING, *chosen, f"paths.output_dir={tmp_path / 'second'}", "trainer.max_steps=1"))
    assert load_model(tmp_path / "second").stems == ("vocals", "other")


def test_it_separates_a_file_and_some_of_its_stems(run, song, tmp_path):
    every = separated(run, song, tmp_path / "all")
    some = separated(run, song, tmp_path / "some", "stems=[bass]")
    assert every.keys() == {"vocals", "drums", "bass", "other"}
    assert some.keys() == {"bass"}
    assert np.allclose(some["bass"], every["bass"], atol=1e-4)


def test_openvino_separates_the_same(run, song, tmp_path):
    pytest.importorskip("openvino")
    expected = separated(run, song, tmp_path / "torch", "engine=torch")
    stems = separated(run, song, tmp_path / "openvino", "engine=openvino")
    for name, samples in expected.items():
        assert np.allclose(stems[name], samples, atol=1e-4)


def test_it_is_evaluated(run, songs_root, tmp_path):
    common = "data=folder", f"data.root={songs_root}", "metrics=[SI-SDR]", "bounds=[]", "device=cpu"
    launch("eval", *common, f"ckpt={run}", f"output={tmp_path / 'scores'}")
    assert "vocals" in (tmp_path / "scores" / "results.json").read_text()


def test_its_checkpoint_is_inspected(run, capsys):
    launch("checkpoint", f"ckpt={run}")
    printed = " ".join(capsys.readouterr().out.split())
    assert "model spectral_compression" in printed
    assert "4 queries, dim 4 of a bin, 1 head" in printed


def test_its_memory_is_counted_without_computing(script):
    status, printed = script("check_gpu", *SMALL_MODEL, "data.seconds=0.1", "data.batch_size=2", "memory_gb=4")
    assert status == 0, printed
    assert "It fits" in printed
