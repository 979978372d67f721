from types import SimpleNamespace

import pytest
import soundfile
import torch
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.plugins.precision import MixedPrecision, Precision
from torch import Tensor
from torch.utils.data import DataLoader

from bsroformer.data.validation import ValidationExcerpt
from bsroformer.models import ModelSettings
from bsroformer.models.adaptation import Adaptation, adapt, store_frozen
from bsroformer.models.bs_roformer import BandSplitRoformer
from bsroformer.training.callbacks.ema import Ema
from bsroformer.training.callbacks.previews import Previews
from bsroformer.training.module import SeparationModule
from support.adapted import lora
from support.launched import SMALL_RUN, files_in, launch

SAMPLES = 6000


class FakeWandb(WandbLogger):
    """Record what is logged."""

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
        "precision_plugin": Precision(),
        "val_dataloaders": DataLoader(
            [
                ValidationExcerpt(
                    stems, torch.tensor(0), torch.tensor(SAMPLES), torch.ones(len(stems), dtype=torch.bool)
                )
                for stems in excerpts
            ]
        ),
        "loggers": [],
        "callbacks": [],
    }
    return SimpleNamespace(**state | changes)


def test_a_preview_has_stems_and_spectrograms(tmp_path, module, excerpts):
    Previews(str(tmp_path), every_n_epochs=1, excerpt=1).on_validation_end(validation(excerpts), module)
    folder = tmp_path / "previews" / "step-000007"
    assert files_in(folder) == {"vocals.wav", "other.wav", "spectrograms.png"}
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
def test_previews_are_written_every_few_epochs_and_at_end(tmp_path, module, excerpts, changes, due):
    Previews(str(tmp_path), every_n_epochs=2).on_validation_end(validation(excerpts, **changes), module)
    assert (tmp_path / "previews").exists() == due


def test_the_mixture_and_true_stems_are_written_once(tmp_path, module, excerpts):
    previews, folder = Previews(str(tmp_path), every_n_epochs=1, excerpt=1), tmp_path / "previews"
    previews.on_validation_end(validation(excerpts), module)
    for name, expected in (
        ("mixture", excerpts[1].sum(0)),
        ("target/vocals", excerpts[1, 0]),
        ("target/other", excerpts[1, 1]),
    ):
        written, rate = soundfile.read(folder / f"{name}.wav", dtype="float32")
        assert rate == 8000
        torch.testing.assert_close(torch.from_numpy(written.T), expected)
    (folder / "mixture.wav").unlink()
    previews.on_validation_end(validation(excerpts, step=8), module)
    assert not (folder / "mixture.wav").exists()
    assert (folder / "step-000008" / "vocals.wav").exists()


def test_loggers_get_a_picture_and_sounds_the_true_ones_once(tmp_path, module, excerpts):
    logger, folder = FakeWandb(), tmp_path / "previews"
    previews = Previews(str(tmp_path), every_n_epochs=1)
    for step in (7, 8):
        previews.on_validation_end(validation(excerpts, step=step, loggers=[logger]), module)
    true = [
        ("preview_true/mixture", str(folder / "mixture.wav"), 7),
        ("preview_true/vocals", str(folder / "target" / "vocals.wav"), 7),
        ("preview_true/other", str(folder / "target" / "other.wav"), 7),
    ]
    estimated = [
        (f"preview/{name}", str(folder / f"step-{step:06d}" / file), step)
        for step in (7, 8)
        for name, file in (
            ("spectrograms", "spectrograms.png"),
            ("vocals", "vocals.wav"),
            ("other", "other.wav"),
        )
    ]
    assert logger.shown == true + estimated


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec")
def test_the_last_step_has_a_preview_even_inside_an_epoch(songs_root, tmp_path):
    steps = "trainer.max_steps=3", "trainer.max_epochs=9", "callbacks.previews.every_n_epochs=9"
    launch("train", *SMALL_RUN, *steps, f"data.root={songs_root}", f"paths.output_dir={tmp_path}")
    assert [path.name for path in (tmp_path / "previews").glob("step-*")] == ["step-000003"]


def test_a_model_of_some_stems_is_given_the_mixture_of_all(tmp_path, tiny_tree):
    model = BandSplitRoformer(ModelSettings.from_dict(tiny_tree | {"stems": ["vocals"]})).eval()
    module = module_of(model, ["drums", "vocals"])
    stems = torch.randn(1, 2, 2, SAMPLES)
    Previews(str(tmp_path), every_n_epochs=1).on_validation_end(validation(stems), module)
    written, _ = soundfile.read(tmp_path / "previews" / "step-000007" / "vocals.wav", dtype="float32")
    with torch.no_grad():
        expected = model(stems.sum(1))[0, 0]
    torch.testing.assert_close(torch.from_numpy(written.T), expected, atol=1e-5, rtol=1e-4)


def test_a_preview_uses_the_averaged_weights(tmp_path, module, excerpts):
    ema = Ema(half_life=5.0)
    trainer = validation(excerpts, callbacks=[ema])
    ema.setup(trainer, module, "fit")
    with torch.no_grad():
        expected = module(excerpts[:1].sum(1))[0]
        for parameter in module.parameters():
            parameter.mul_(0.5)
    raw = {name: weight.clone() for name, weight in module.state_dict().items()}
    Previews(str(tmp_path), every_n_epochs=1).on_validation_end(trainer, module)
    written, _ = soundfile.read(tmp_path / "previews" / "step-000007" / "vocals.wav", dtype="float32")
    torch.testing.assert_close(torch.from_numpy(written.T), expected[0], atol=1e-5, rtol=1e-4)
    assert all(torch.equal(weight, raw[name]) for name, weight in module.state_dict().items())


def test_a_preview_has_no_side_effects(tmp_path, module, excerpts):
    before = torch.get_rng_state()
    Previews(str(tmp_path), every_n_epochs=1).on_validation_end(validation(excerpts), module)
    assert all(parameter.grad is None and parameter.requires_grad for parameter in module.parameters())
    assert torch.equal(torch.get_rng_state(), before)


def test_a_model_with_frozen_weights_in_half_has_previews(tmp_path, module, excerpts):
    adapt(module.model, Adaptation(lora=lora()))
    store_frozen(module.model, torch.bfloat16)
    trainer = validation(excerpts, precision_plugin=MixedPrecision("bf16-mixed", "cpu"))
    Previews(str(tmp_path), every_n_epochs=1).on_validation_end(trainer, module)
    assert "vocals.wav" in {path.name for path in tmp_path.rglob("step-*/*")}
