"""Model cards for the Hugging Face Hub."""

import json
from dataclasses import replace
from typing import Any

import pytest
import yaml

from bsroformer import InputError
from bsroformer.checkpoints.ledger import Ledger, base_of, data_set, make_ledger
from bsroformer.models.settings import ModelSettings
from bsroformer.report.model_card import CardFacts, model_card, read_results

SONGS = data_set("My songs", 3, 0.25, {"CC-BY-4.0": 3}, ["https://example.org"])
RESULTS = {
    "stems": ["vocals", "other"],
    "metrics": ["SI-SDR"],
    "split": "test",
    "songs": 50,
    "methods": [
        {
            "name": "model",
            "kind": "model",
            "scores": {stem: {"SI-SDR": 7.25} for stem in ("vocals", "other", "mean")},
            "intervals": {stem: {"SI-SDR": [6.5, 8.0]} for stem in ("vocals", "other", "mean")},
        }
    ],
    "made": {"methods": {"model": {"checkpoint": "/home/alice/run/checkpoints/best.ckpt"}}},
}


@pytest.fixture
def facts(tiny_tree) -> CardFacts:
    """Facts of a small model of licensed songs."""
    settings = ModelSettings.from_dict(tiny_tree)
    ledger = make_ledger([SONGS])
    return CardFacts("Singer", "hf://me/singer/model.safetensors", settings, 5_900_000, "ab" * 32, "CC-BY-4.0", ledger)


def front_matter(card: str) -> dict[str, Any]:
    _, front, _ = card.split("---\n", 2)
    tree: dict[str, Any] = yaml.safe_load(front)
    return tree


def test_the_front_matter_is_what_the_hub_reads(facts):
    assert front_matter(model_card(facts)) == {
        "license": "cc-by-4.0",
        "library_name": "bsroformer",
        "pipeline_tag": "audio-to-audio",
        "tags": ["music-source-separation", "source-separation", "bs-roformer"],
        "datasets": ["My-songs"],
    }


@pytest.mark.parametrize(
    ("license", "expected"),
    [
        (None, {"license": "unknown"}),
        ("MIT", {"license": "mit"}),
        ("My own licence: see below", {"license": "other", "license_name": "My own licence: see below"}),
    ],
)
def test_a_licence_that_the_hub_lacks_is_named(facts, license, expected):
    tree = front_matter(model_card(replace(facts, license=license)))
    assert {key: value for key, value in tree.items() if key.startswith("license")} == expected


def test_the_card_lists_stems_use_and_ledger(facts):
    card = model_card(facts)
    for part in (
        "# Singer",
        "5.9 M parameters, 8000 Hz stereo",
        "- vocals\n- other",
        "bsroformer separate song.mp3 --ckpt hf://me/singer/model.safetensors",
        "Not evaluated yet.",
        "- My songs: 3 songs, 0.2 h; licence CC-BY-4.0 (3); from https://example.org",
        "ab" * 32,
    ):
        assert part in card
    assert "**" not in card  # no warning


def test_the_results_have_intervals(facts):
    card = model_card(replace(facts, results=RESULTS))
    assert "| vocals | model | 7.25 [6.5, 8.0] |" in card
    assert "on 50 songs (test)" in card
    assert "alice" not in card


@pytest.mark.parametrize(
    ("ledger", "warning"),
    [
        (None, "**Licence and training data are unknown: make sure"),
        (Ledger(), "**Its ledger lists no training data"),
        (
            make_ledger([data_set("a", 5, 1, {"MIT": 3, "unknown": 2}, [])]),
            "**The licences of 2 of 5 training songs are",
        ),
        (make_ledger([SONGS], [base_of("kim.ckpt")]), "**The training data of kim.ckpt, from which training started"),
        (
            make_ledger([SONGS], [base_of("b", None, make_ledger([data_set("c", 2, 1, {"CC-BY-NC-4.0": 2}, [])]))]),
            "**Licences of 2 training songs restrict commercial use: CC-BY-NC-4.0.**",
        ),
    ],
)
def test_the_card_states_what_is_unknown_or_forbidden(facts, ledger, warning):
    assert warning in model_card(replace(facts, ledger=ledger))


def test_names_from_other_files_are_not_markup(facts):
    ledger = make_ledger([data_set("<script>x</script> [a](b) `c`", 1, 1, {"MIT": 1}, [])])
    card = model_card(replace(facts, ledger=ledger))
    assert "<script>" not in card.replace("\\<script", "")
    assert r"\[a\](b) \`c\`" in card


def test_results_are_found_in_a_run_or_an_evaluation(tmp_path):
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation" / "results.json").write_text(json.dumps(RESULTS))
    for path in (tmp_path, tmp_path / "evaluation", tmp_path / "evaluation" / "results.json"):
        assert read_results(path) == RESULTS


@pytest.mark.parametrize("text", ["[]", "{}", "3", '{"stems": 3, "metrics": [], "methods": []}'])
def test_damaged_results_are_reported(tmp_path, text):
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(InputError, match=r"results.json is not the result of an evaluation"):
        read_results(tmp_path)


def test_missing_results_are_reported(tmp_path):
    with pytest.raises(InputError, match=r"has no results.json; give the folder of bsroformer evaluate"):
        read_results(tmp_path)
