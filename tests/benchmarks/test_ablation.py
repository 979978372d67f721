"""Changes of a recipe are trained for the same time and compared with it."""

import json
import logging
from dataclasses import dataclass, field, replace

import pytest
import torch
from rich.console import Console

from benchmarks import Ablation
from benchmarks.ablation import FIGURES
from bsroformer.data.layouts import TrackFormat
from bsroformer.errors import InputError
from support.benchmarked import training_setup
from support.launched import composed

KNOWN = {"better": ["gain=1"], "worse": ["gain=-2"]}


@dataclass(frozen=True)
class Songs:
    form: TrackFormat = field(default_factory=lambda: TrackFormat(("vocals", "rest"), 44_100, 2))


@dataclass(frozen=True)
class PlannedSetup:
    """A setup whose score follows from its gain and the seed; it notes each training."""

    trained: list
    gain: float = 0.0
    fault: str | None = None
    source: Songs = field(default_factory=Songs)
    precision_used: str = "fp32"

    def recipe(self) -> None:
        pass

    def try_step(self, seed: int) -> None:
        if self.fault:
            raise InputError(self.fault)

    def figures(self, recipe: None, seed: int, cpu_seconds: float) -> dict:
        self.trained.append((self.gain, seed))
        score = 3.0 + self.gain + 0.5 * seed
        steps = 50 if self.gain < 0 else 100
        return dict(zip(FIGURES, (2_000_000, steps, cpu_seconds, score, score + 1, score + 2), strict=True))


@pytest.fixture
def trained() -> list:
    return []


@pytest.fixture
def ablation(trained, tmp_path):
    def compose(words: list[str]):
        tree = {"gain": 0.0, "valid_seconds": 2}
        tree |= {word.partition("=")[0]: float(word.partition("=")[2]) for word in words}
        setup = PlannedSetup(trained, tree["gain"])
        return tree, replace(setup, fault="no such rate") if "rate" in tree else setup

    def make(**changes) -> Ablation:
        usual = {
            "compose": compose,
            "known_changes": KNOWN,
            "changes": None,
            "seeds": [0, 1],
            "cpu_seconds": 9.0,
            "results": str(tmp_path / "runs.jsonl"),
        }
        return Ablation(**{**usual, **changes})

    return make


def test_all_changes_are_trained_seed_by_seed(ablation, trained):
    found = ablation().run().to_dict()
    assert trained == [(0, 0), (1, 0), (-2, 0), (0, 1), (1, 1), (-2, 1)]
    assert json.loads(json.dumps(found)) == found
    assert list(found["changes"]) == ["none", "better", "worse"]
    worse = found["changes"]["worse"]
    assert worse["words"] == ["gain=-2"]
    assert worse["relative_step_time"] == 2
    assert worse["si_sdr"] == 1.25 and worse["si_sdr_difference"] == -2 and worse["sdr_difference"] == -2
    assert worse["si_sdr_deviation"] == pytest.approx(0.5 / 2**0.5)
    assert worse["seeds"]["1"]["si_sdr"] == 1.5


def test_the_table_has_means_deviations_and_differences(ablation):
    console = Console(width=160)
    with console.capture() as shown:
        console.print(ablation().run().table())
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in shown.get().splitlines() if "│" in line]
    assert rows[0] == ["none", "1.00", "100", "2.0 M", "3.25 ± 0.35", "", "5.25 ± 0.35", ""]
    assert rows[2] == ["worse", "2.00", "50", "2.0 M", "1.25 ± 0.35", "-2.00", "3.25 ± 0.35", "-2.00"]
    assert "seeds 0 1" in shown.get()


def test_one_seed_has_no_deviation(ablation):
    found = ablation(seeds=[3, 3])
    findings = found.run()
    assert "si_sdr_deviation" not in findings.summary("better")
    assert findings.table().row_count == 3


def test_finished_runs_are_not_trained_again(ablation, trained, caplog):
    caplog.set_level(logging.INFO)
    ablation(changes=["worse"], seeds=[1]).run()
    assert "worse, seed 1: 50 steps, SI-SDR 1.50 dB, SDR 3.50 dB" in caplog.messages
    trained.clear()
    found = ablation().run()
    assert trained == [(0, 0), (1, 0), (-2, 0), (1, 1)]
    assert found.runs["worse"][1]["si_sdr"] == 1.5
    assert any(message.startswith("Using 2 finished runs") for message in caplog.messages)


def test_runs_of_other_settings_are_trained(ablation, trained):
    ablation(changes=["worse"], seeds=[1]).run()
    trained.clear()
    ablation(changes=["worse"], seeds=[1], cpu_seconds=10.0).run()
    assert trained == [(0, 1), (-2, 1)]


def test_an_interrupted_run_keeps_what_is_finished(ablation, trained, monkeypatch):
    whole = PlannedSetup.figures

    def interrupted(setup, recipe, seed, cpu_seconds):
        if len(trained) == 2:
            raise KeyboardInterrupt
        return whole(setup, recipe, seed, cpu_seconds)

    monkeypatch.setattr(PlannedSetup, "figures", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ablation().run()
    monkeypatch.setattr(PlannedSetup, "figures", whole)
    trained.clear()
    ablation().run()
    assert trained == [(-2, 0), (0, 1), (1, 1), (-2, 1)]


def test_changes_can_be_given_with_their_words(ablation, trained):
    found = ablation(changes={"mine": ["gain=4"]}, seeds=[0]).run()
    assert list(found.runs) == ["none", "mine"]
    assert trained == [(0, 0), (4, 0)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["bettre"], r"what\.changes=bettre must be one of better, worse"),
        ({"none": ["gain=1"]}, "none is the recipe itself"),
        ({"better": ["gain=1"], "same": ["gain=0"]}, r"change same: .* changes nothing"),
        ({"better": ["gain=1"], "longer": ["valid_seconds=3"]}, r"change longer: data\.valid_seconds must be the same"),
        ({"better": ["gain=1"], "wrong": ["rate=1"]}, "change wrong: no such rate"),
    ],
)
def test_a_wrong_change_is_one_sentence_before_training(ablation, trained, changes, message):
    with pytest.raises(InputError, match=message):
        ablation(changes=changes).run()
    assert not trained


def test_songs_of_another_form_are_refused(ablation, trained):
    mono = Songs(TrackFormat(("vocals", "rest"), 44_100, 1))

    def compose(words):
        setup = PlannedSetup(trained, len(words))
        return {"words": words}, replace(setup, source=mono) if words else setup

    with pytest.raises(InputError, match=r"change mono: .*channels"):
        ablation(compose=compose, changes={"mono": ["audio.channels=1"]}).run()


def test_a_small_model_is_trained_and_scored(tiny_tree, songs_root, ablation):
    def compose(words):
        batch_size = 2 if words else 1
        return {"batch_size": batch_size}, training_setup(tiny_tree, songs_root, batch_size=batch_size)

    found = ablation(compose=compose, changes={"two": ["data.batch_size=2"]}, seeds=[0], cpu_seconds=0.1).run()
    for runs in found.runs.values():
        assert tuple(runs[0]) == FIGURES
        assert torch.tensor(list(runs[0].values())).isfinite().all()


def test_the_recipe_is_that_of_learning():
    ablation = composed("benchmark", "what=ablation")
    learning = composed("benchmark", "what=learning").benchmark.arguments["setup"]
    assert ablation.setup.arguments == {key: value for key, value in learning.items() if not key.startswith("_")}


@pytest.mark.parametrize(
    "word", ["what.seeds=[]", "what.seeds=[-1]", "what.changes=3", "what.changes=[]", "what.cpu_seconds=0"]
)
def test_a_wrong_setting_of_the_ablation_is_one_sentence(word):
    key = word.partition("=")[0]
    with pytest.raises(InputError, match=rf"^{key}=.* must be"):
        composed("benchmark", "what=ablation", word)
