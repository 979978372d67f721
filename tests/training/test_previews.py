from pathlib import Path
from types import SimpleNamespace

import pytest
import soundfile
import torch
from lightning.pytorch.loggers import WandbLogger
from torch import Tensor
from torch.utils.data import DataLoader

from bsroformer.data.validation import ValidationExcerpt
from bsroformer.model import BandSplitRoformer, ModelSettings
from bsroformer.training.module import SeparationModule
from bsroformer.training.previews import Previews

SAMPLES = 6000


class FakeWandb(WandbLogger):
    """Takes note of what it is given to show."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, str, int]] = []

    def log_image(self, key: str, images: list[str], step: int) -> None:
        self.shown += [(key, image, step) for image in images]

    def log_audio(self, key: str, audios: list[str], step: int) -> None:
        self.shown += [(key, audio, step) for audio in audios]


def module_of(model: BandSplitRoformer, data_stems: list[str] | None = None) -> SeparationModule:
    return SeparationModule(model, torch.nn.Identity(), lambda groups: None, lambda optimizer, steps: None, data_stems)


@pytest.fixture
def module(tiny_model) -> SeparationModule:
    return module_of(tiny_model)


@pytest.fixture
def excerpts() -> Tensor:
    """Validation excerpts ``(b n c t)``."""
    return torch.randn(3, 2, 2, SAMPLES)


def validation(excerpts: Tensor, epoch: int = 0, step: int = 7, **changes) -> SimpleNamespace:
    """A trainer at the end of a validation."""
    state = {
        "current_epoch": epoch,
        "global_step": step,
        "max_epochs": 100,
        "should_stop": False,
        "sanity_checking": False,
        "is_global_zero": True,
        "val_dataloaders": DataLoader(
            [ValidationExcerpt(stems, torch.tensor(0), torch.tensor(SAMPLES)) for stems in excerpts]
        ),
        "logger": None,
        "callbacks": [],
    }
    return SimpleNamespace(**state | changes)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_preview_is_the_separated_stems_and_their_spectrograms(tmp_path, module, excerpts):
    Previews(str(tmp_path), every_n_epochs=1, excerpt=1).on_validation_end(validation(excerpts), module)
    folder = tmp_path / "previews" / "step-000007"
    assert files(tmp_path / "previews") == {
        f"step-000007/{name}" for name in ("vocals.wav", "other.wav", "spectrograms.png")
    }
    with torch.no_grad():
        expected = module(excerpts[1].sum(0).unsqueeze(0))[0]
    for stem, estimate in zip(module.model.stems, expected, strict=True):
        written, rate = soundfile.read(folder / f"{stem}.wav", dtype="float32")
        assert rate == 8000
        torch.testing.assert_close(torch.from_numpy(written.T), estimate, atol=1e-5, rtol=1e-4)
    assert (folder / "spectrograms.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({"epoch": 0}, False),
        ({"epoch": 1}, True),
        ({"epoch": 2}, False),
        ({"epoch": 3}, True),
        ({"epoch": 0, "should_stop": True}, True),
        ({"epoch": 2, "max_epochs": 3}, True),
        ({"epoch": 1, "sanity_checking": True}, False),
        ({"epoch": 1, "is_global_zero": False}, False),
        ({"epoch": 1, "val_dataloaders": None}, False),
    ],
)
def test_previews_come_every_few_epochs_and_at_the_end(tmp_path, module, excerpts, changes, due):
    Previews(str(tmp_path), every_n_epochs=2).on_validation_end(validation(excerpts, **changes), module)
    assert (tmp_path / "previews").exists() == due


def test_weights_and_biases_gets_a_picture_and_a_sound_for_each_stem(tmp_path, module, excerpts):
    logger = FakeWandb()
    Previews(str(tmp_path), every_n_epochs=1).on_validation_end(validation(excerpts, logger=logger), module)
    folder = tmp_path / "previews" / "step-000007"
    assert logger.shown == [
        ("preview/spectrograms", str(folder / "spectrograms.png"), 7),
        ("preview/vocals", str(folder / "vocals.wav"), 7),
        ("preview/other", str(folder / "other.wav"), 7),
    ]


def test_a_model_of_some_stems_is_given_the_mixture_of_all(tmp_path, tiny_tree):
    model = BandSplitRoformer(ModelSettings.from_dict(tiny_tree | {"stems": ["vocals"]})).eval()
    module = module_of(model, ["drums", "vocals"])
    stems = torch.randn(1, 2, 2, SAMPLES)
    Previews(str(tmp_path), every_n_epochs=1).on_validation_end(validation(stems), module)
    written, _ = soundfile.read(tmp_path / "previews" / "step-000007" / "vocals.wav", dtype="float32")
    with torch.no_grad():
        expected = model(stems.sum(1))[0, 0]
    torch.testing.assert_close(torch.from_numpy(written.T), expected, atol=1e-5, rtol=1e-4)


def test_the_model_goes_on_training_as_before(tmp_path, module, excerpts):
    before = torch.get_rng_state()
    Previews(str(tmp_path), every_n_epochs=1).on_validation_end(validation(excerpts), module)
    assert all(parameter.grad is None and parameter.requires_grad for parameter in module.parameters())
    assert torch.equal(torch.get_rng_state(), before)
