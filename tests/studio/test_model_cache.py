"""The cache holds one model at a time, in any order of requests."""

import os
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from bsroformer.checkpoints.save import save_model
from bsroformer.errors import InputError
from bsroformer.inference import Separator, StreamSeparator
from bsroformer.models import ModelSettings
from bsroformer.models.bs_roformer import BandSplitRoformer
from bsroformer.studio import model_cache
from bsroformer.studio.catalog import CheckpointOption, options_from_paths
from bsroformer.studio.model_cache import ModelCache

BOTH, VOCALS = ("vocals", "other"), ("vocals",)


class Watched:
    """Cached model that records its loads, its builds and the weights alive meanwhile."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.loads: list[str] = []
        self.builds: list[tuple[Sequence[str], float, int]] = []
        self.weights: list[weakref.ref[torch.Tensor]] = []  # of models loaded or made from them
        self.separator: Callable[[], StreamSeparator | None] = lambda: None  # the one built last
        self.held = ModelCache(self.build)
        self.load_model = model_cache.load_model
        monkeypatch.setattr(model_cache, "load_model", self.load)

    @property
    def alive(self) -> int:
        return sum(weight() is not None for weight in self.weights)

    def load(self, path: str, config: str | None) -> BandSplitRoformer:
        assert self.alive == 0, "a model is loaded beside another"
        self.loads.append(Path(path).stem)
        model = self.load_model(path, config)
        self.watch(model)
        return model

    def build(self, model: BandSplitRoformer, stems: Sequence[str], overlap: float, shifts: int) -> StreamSeparator:
        assert self.separator() is None, "a separator is built beside another"
        self.builds.append((tuple(stems), overlap, shifts))
        separator = Separator(model, stems, overlap, shifts=shifts, device="cpu", precision="fp32")
        separator.itself = separator  # as compiled models are: only the garbage collector finds it
        self.separator = weakref.ref(separator)
        self.watch(separator.engine.model)
        return separator

    def watch(self, model: BandSplitRoformer) -> None:
        self.weights += [weakref.ref(weight) for weight in model.parameters()]


@pytest.fixture
def watched(monkeypatch) -> Watched:
    return Watched(monkeypatch)


@pytest.fixture
def offers(tiny_tree, tmp_path) -> list[CheckpointOption]:
    """Checkpoints a and b, of the same stems and different weights."""
    for name in ("a", "b"):
        save_model(BandSplitRoformer(ModelSettings.from_dict(tiny_tree)), tmp_path / f"{name}.safetensors")
    return options_from_paths([str(tmp_path / "a.safetensors"), str(tmp_path / "b.safetensors")])


def test_the_same_arguments_reuse_the_separator(watched, offers):
    first = watched.held.separator(offers[0], BOTH, 0.5, 1)
    assert watched.held.separator(offers[0], list(BOTH), 0.5, 1) is first
    assert (watched.loads, watched.builds) == (["a"], [(BOTH, 0.5, 1)])


def test_other_arguments_build_another_separator(watched, offers):
    requests = [(BOTH, 0.5, 1), (VOCALS, 0.5, 1), (BOTH[::-1], 0.5, 1), (BOTH, 0.25, 1), (BOTH, 0.5, 2), (BOTH, 0.5, 1)]
    for arguments in requests:
        watched.held.separator(offers[0], *arguments)
    assert watched.loads == ["a"]
    assert watched.builds == requests


def test_previous_requests_do_not_change_the_stems(watched, offers):
    mixture = torch.randn(2, 3000)
    for offer, stems in [(offers[0], VOCALS), (offers[0], BOTH), (offers[1], ("other",)), (offers[0], BOTH[::-1])]:
        own = Separator(watched.load_model(offer.path), stems, device="cpu", precision="fp32")
        torch.testing.assert_close(watched.held.separator(offer, stems, 0.5, 1)(mixture), own(mixture))


def test_two_models_are_never_in_memory(watched, offers):
    for number, stems in ((0, BOTH), (1, VOCALS), (1, BOTH), (0, VOCALS)):
        watched.held.separator(offers[number], stems, 0.5, 1)
    assert watched.loads == ["a", "b", "a"]
    assert watched.alive > 0


def test_a_file_that_has_changed_is_loaded_again(watched, offers, tiny_tree):
    path = Path(offers[0].path)
    watched.held.separator(offers[0], BOTH, 0.5, 1)
    save_model(BandSplitRoformer(ModelSettings.from_dict(tiny_tree)), path)
    os.utime(path, (1, 1))
    watched.held.separator(offers[0], BOTH, 0.5, 1)
    assert (watched.loads, len(watched.builds)) == (["a", "a"], 2)


def test_a_failed_load_leaves_the_cache_usable(watched, offers):
    gone = Path(offers[1].path)
    gone.unlink()
    watched.held.separator(offers[0], BOTH, 0.5, 1)
    with pytest.raises(InputError, match=r"no checkpoint at .*b\.safetensors"):
        watched.held.separator(offers[1], BOTH, 0.5, 1)
    assert watched.held.separator(offers[0], BOTH, 0.5, 1).stems == BOTH
    with pytest.raises(InputError, match=r"stems=\[piano\]"):
        watched.held.separator(offers[0], ["piano"], 0.5, 1)
    assert watched.held.separator(offers[0], BOTH, 0.5, 1).stems == BOTH
    assert watched.loads == ["a", "b", "a"]
