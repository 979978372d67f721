from collections.abc import Iterable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from bsroformer.checkpoints.native import ENTRY
from bsroformer.data.validation import PerSong, ValidationExcerpts
from bsroformer.errors import InputError
from bsroformer.metrics import sdr, si_sdr
from bsroformer.models import ModelSettings
from bsroformer.models.bs_roformer import BandSplitRoformer
from bsroformer.training import SeparationModule
from support.trainers import LOSS, excerpts, loader, module, trainer

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec")


def names_of(audio: Tensor) -> tuple[str, ...]:
    return tuple(f"stem {number}" for number in range(len(audio)))


@dataclass
class Song:
    """A song in memory."""

    audio: Tensor  # (n c t)

    @property
    def stems(self) -> tuple[str, ...]:
        return names_of(self.audio)

    @property
    def frames(self) -> int:
        return self.audio.shape[-1]

    def all_stems(self, start: int, frames: int) -> Tensor:
        return self.audio[..., start : start + frames]


def validation_loader(songs: Iterable[Tensor], frames: int = 500, per_song: PerSong = 1) -> DataLoader:
    tracks = [Song(stems) for stems in songs]
    return DataLoader(ValidationExcerpts(tracks, tracks[0].stems, frames, per_song), 2)


def validated(
    separation: SeparationModule, songs: Iterable[Tensor], frames: int = 500, per_song: PerSong = 1
) -> dict[str, float]:
    [logged] = trainer().validate(separation, validation_loader(songs, frames, per_song), verbose=False)
    return logged


def estimated(model: BandSplitRoformer, stems: Tensor) -> Tensor:
    with torch.no_grad():
        return model(stems.sum(1))


def test_scores_are_means_over_excerpts_then_stems(tiny_model):
    stems = excerpts()
    logged = validated(module(tiny_model), stems)
    for name, metric in {"si_sdr": si_sdr, "sdr": sdr}.items():
        scores = metric(estimated(tiny_model, stems), stems).mean(0)  # (n)
        for stem, score in zip(tiny_model.stems, scores, strict=True):
            assert logged[f"val/{name}_{stem}"] == pytest.approx(float(score), rel=1e-4)
        assert logged[f"val/{name}"] == pytest.approx(float(scores.mean()), rel=1e-4)


def test_validation_scores_skip_silent_stems(tiny_model):
    stems = excerpts()
    stems[1:, 0] = 0  # the first stem sounds in the first excerpt only
    logged = validated(module(tiny_model), stems)
    scores = si_sdr(estimated(tiny_model, stems), stems)  # (b n)
    assert logged["val/si_sdr_vocals"] == pytest.approx(float(scores[0, 0]), rel=1e-4)
    assert logged["val/si_sdr"] == pytest.approx(float((scores[0, 0] + scores[:, 1].mean()) / 2), rel=1e-4)


def test_songs_in_consecutive_excerpts_score_as_one_signal(tiny_model):
    songs = [torch.randn(2, 2, frames) for frames in (1700, 500, 300)]
    logged = validated(module(tiny_model), songs, per_song="all")
    for name, metric in {"si_sdr": si_sdr, "sdr": sdr}.items():
        scores = []
        for song in songs:
            windows = [torch.nn.functional.pad(part, (0, 500 - part.shape[-1])) for part in song.split(500, dim=-1)]
            estimates = torch.cat([estimated(tiny_model, window[None])[0] for window in windows], dim=-1)
            scores.append(metric(estimates[..., : song.shape[-1]], song))
        for stem, score in zip(tiny_model.stems, torch.stack(scores).mean(0), strict=True):
            assert logged[f"val/{name}_{stem}"] == pytest.approx(float(score), rel=1e-4)


def test_a_stem_that_is_always_silent_has_no_score(tiny_model):
    stems = excerpts()
    stems[:, 0] = 0
    logged = validated(module(tiny_model), stems)
    assert torch.tensor(logged["val/si_sdr_vocals"]).isnan()
    assert logged["val/si_sdr"] == pytest.approx(logged["val/si_sdr_other"])


def test_scores_are_reset_between_validations(tiny_model):
    separation = module(tiny_model)
    validated(separation, excerpts())
    assert validated(separation, excerpts(1)) == pytest.approx(validated(module(tiny_model), excerpts(1)))


def test_metrics_have_their_documented_names(tiny_model):
    run = trainer(limit_val_batches=1)
    run.fit(module(tiny_model), loader(excerpts()), validation_loader(excerpts()))
    scores = {f"val/{name}{of}" for name in ("si_sdr", "sdr") for of in ("", "_vocals", "_other")}
    terms = {f"train/{name}" for name in ("loss", "magnitude", "complex", "si_sdr", "sdr")}
    assert run.callback_metrics.keys() == scores | terms | {
        "val/loss",
        "train/gradient_norm",
        "train/learning_rate",
    }


def test_the_gradient_norm_is_logged_before_clipping(tiny_model):
    stems = excerpts(2)
    separation = module(tiny_model)
    LOSS(separation(stems.sum(1)), stems)[0].backward()
    norm = torch.nn.utils.get_total_norm([parameter.grad for parameter in tiny_model.parameters()])
    run = trainer(gradient_clip_val=float(norm) / 1e6, limit_val_batches=0)
    run.fit(separation, loader(stems))
    assert run.callback_metrics["train/gradient_norm"].item() == pytest.approx(float(norm), rel=1e-3)


def test_the_schedule_ends_with_the_run(tiny_model):
    separation = module(tiny_model)
    run = trainer(accumulate_grad_batches=2, limit_val_batches=0)
    run.fit(separation, loader(excerpts(8), batch_size=1))
    assert run.global_step == 4
    [rate] = separation.lr_schedulers().get_last_lr()[:1]
    assert rate == pytest.approx(0.1 * 1e-3)


def test_a_run_without_an_end_is_refused(tiny_model):
    run = trainer(limit_val_batches=0)
    run.fit_loop.max_epochs = -1
    with pytest.raises(InputError, match=r"set trainer\.max_steps or trainer\.max_epochs"):
        run.fit(module(tiny_model), loader(excerpts()))


def test_a_model_of_some_stems_gets_mixtures_of_all(tiny_tree):
    names = ["drums", "other", "bass", "vocals"]
    model = BandSplitRoformer(ModelSettings.from_dict(tiny_tree)).eval()  # vocals, other
    stems = excerpts(2, stems=4)
    logged = validated(module(model, names), stems)
    scores = si_sdr(model(stems.sum(1)), stems[:, [3, 1]]).mean(0)
    assert logged["val/si_sdr_vocals"] == pytest.approx(float(scores[0]), rel=1e-4)
    assert logged["val/si_sdr_other"] == pytest.approx(float(scores[1]), rel=1e-4)


def test_one_stem_of_one_excerpt_is_scored(tiny_tree):
    model = BandSplitRoformer(ModelSettings.from_dict(tiny_tree | {"stems": ["vocals"]})).eval()
    stems = excerpts(1)
    score = si_sdr(model(stems.sum(1)), stems[:, :1])
    logged = validated(module(model, ["vocals", "other"]), stems)
    assert logged["val/si_sdr"] == logged["val/si_sdr_vocals"] == pytest.approx(float(score), rel=1e-4)


def test_a_stem_that_the_songs_lack_is_refused(tiny_model):
    with pytest.raises(InputError, match=r"model\.stems has other, which data\.stems=\[vocals\] lacks"):
        module(tiny_model, ["vocals"])


def test_a_checkpoint_has_the_models_settings_and_weights_only(tiny_model):
    separation = module(tiny_model)
    checkpoint = {}
    separation.on_save_checkpoint(checkpoint)
    assert ModelSettings.from_dict(checkpoint[ENTRY]["model"]) == tiny_model.settings
    assert separation.state_dict().keys() == {f"model.{name}" for name in tiny_model.state_dict()}
