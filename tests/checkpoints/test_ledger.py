"""Ledgers: their limits, their text, and damage in them."""

from typing import Any

import pytest
import torch

from bsroformer import InputError, load_model
from bsroformer.checkpoints import open_checkpoint
from bsroformer.checkpoints.ledger import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_LICENSES,
    OTHERS,
    Ledger,
    base_of,
    data_set,
    joint_ledger,
    make_ledger,
    restricts,
    resumed_ledger,
)
from bsroformer.checkpoints.ledger_entry import parse_ledger
from bsroformer.checkpoints.ledger_text import UNKNOWN_LEDGER, describe_ledger
from bsroformer.checkpoints.native import describe
from bsroformer.checkpoints.save import save_weights

DIGEST = "0123456789abcdef" * 4
SONGS = data_set("songs", 3, 0.25, {"CC-BY-4.0": 2, "unknown": 1}, ["https://example.org"])
LEDGER = make_ledger([SONGS], [base_of("public.ckpt", DIGEST)])


def test_a_ledger_is_described_in_a_line_per_entry():
    assert describe_ledger(LEDGER) == [
        "songs: 3 songs, 0.2 h; licence CC-BY-4.0 (2), unknown (1); from https://example.org",
        "weights of public.ckpt (0123456789abcdef): licence and training data unknown",
    ]
    assert describe_ledger(None) == [UNKNOWN_LEDGER] == describe_ledger(Ledger())


def test_a_ledger_is_the_same_after_reading():
    assert parse_ledger(LEDGER.to_plain(), "file") == LEDGER
    assert parse_ledger(LEDGER.to_json(), "file") == LEDGER


def test_keys_of_later_versions_are_ignored():
    assert parse_ledger({**LEDGER.to_plain(), "version": 2, "more": [1]}, "file").data == LEDGER.data


CYCLE: list[Any] = []
CYCLE.append(CYCLE)
NAMED = {"songs": 1, "hours": 1.0, "licenses": {}}
MB = "y" * 2**20


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"data": 3}, "is not a ledger: data: input should be a valid array"),
        ([], "is not a ledger"),
        ("{", "it is not JSON"),
        (b"x", "values that are not plain"),
        ({"data": torch.ones(2)}, "values that are not plain"),
        (CYCLE, "values that are not plain"),
        ({"data": [{**NAMED, "name": "a\x1b[2J"}]}, "must be printable text"),
        ({"data": [{**NAMED, "name": "a" * 201}]}, "at most 200 characters"),
        ({"data": [{**NAMED, "name": "a", "songs": -1}]}, "greater than or equal to 0"),
        ({"data": [{**NAMED, "name": "a", "songs": True}]}, "valid integer"),
        ({"data": [{**NAMED, "name": "a", "hours": float("nan")}]}, "finite number"),
        ({"bases": [{"name": "\ud800"}]}, "is not a ledger"),
        ({"bases": [{"name": "a", "digest": "0"}]}, "bases.0.digest"),
        ({"data": [MB] * 1000}, f"longer than the {MAX_BYTES:,} bytes"),
        (MB, "longer than"),
        ({"version": 10**5000}, "values that are not plain"),
    ],
)
def test_a_damaged_ledger_is_refused_in_one_sentence(given, reason):
    with pytest.raises(InputError, match=r"^file ") as refused:
        parse_ledger(given, "file")
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 300


def test_deeply_nested_bases_are_refused():
    tree: dict[str, Any] = {}
    for _ in range(50):
        tree = {"bases": [{"name": "a", "ledger": tree}]}
    with pytest.raises(InputError, match="nests more than"):
        parse_ledger(tree, "file")


def test_a_checkpoint_with_a_damaged_ledger_still_loads(tmp_path, tiny_model):
    path = tmp_path / "model.ckpt"
    weights = {f"model.{name}": tensor for name, tensor in tiny_model.state_dict().items()}
    torch.save({"bsroformer": {**describe(tiny_model.settings), "ledger": {"data": 3}}, "state_dict": weights}, path)
    [note] = open_checkpoint(path).notes
    assert note.startswith(f"{path} (bsroformer.ledger) is not a ledger: data:")
    assert note.endswith(f"it is ignored: {UNKNOWN_LEDGER}")
    assert open_checkpoint(path).ledger is None
    assert load_model(path).stems == tiny_model.stems


def test_without_a_ledger_files_are_as_before(tmp_path, tiny_model):
    save_weights(tiny_model, tmp_path / "model.ckpt")
    entry = torch.load(tmp_path / "model.ckpt")["bsroformer"]
    assert entry.keys() == {"format", "model"}
    opened = open_checkpoint(tmp_path / "model.ckpt")
    assert (opened.ledger, opened.notes) == (None, ())


def test_many_generations_can_always_be_read_again():
    ledger = LEDGER
    for number in range(20):
        ledger = make_ledger(
            [data_set(f"é{number}" * 99, 1, 0.1, {"a": 1}, ["é" * 200] * 40)], [base_of("b", ledger=ledger)]
        )
        assert parse_ledger(ledger.to_plain(), "file") == ledger
    assert 1 < len(list(ledger.generations())) <= MAX_DEPTH + 1
    *_, oldest = ledger.generations()
    assert [base.ledger for base in oldest.bases] == [None]  # those before it are unknown now


def test_a_ledger_that_is_too_long_becomes_unknown():
    data = [data_set(f"{number}" + "é" * 199, 3, 0.5, {f"{n}é" * 60: 1 for n in range(30)}, []) for number in range(40)]
    ledger = make_ledger(data, [base_of("é" * 200)] * 20)
    assert [each.songs for each in ledger.data] == [120]
    assert ledger.licenses == {"unknown": 120}
    assert [base.ledger for base in ledger.bases] == [None]


def test_rare_licences_are_counted_together():
    data = data_set("a", 100, 1, {f"licence {number}": 1 for number in range(100)}, [])
    assert data.licenses[OTHERS] == 100 - MAX_LICENSES
    assert sum(data.licenses.values()) == 100


@pytest.mark.parametrize(
    ("license", "expected"),
    [
        ("CC-BY-NC-4.0", True),
        ("CC BY-NC-SA 4.0", True),
        ("Attribution-NonCommercial 4.0 International", True),
        ("academic use only", True),
        ("CC-BY-4.0", False),
        ("MIT", False),
        ("Sync licence of Vincent", False),
    ],
)
def test_restrictive_licences_are_known_by_their_names(license, expected):
    assert restricts(license) is expected


def test_a_resumed_training_unites_its_data_sets():
    grown = data_set("songs", 5, 0.5, {"CC-BY-4.0": 5}, [])
    other = data_set("others", 1, 0.1, {"MIT": 1}, [])
    ledger = resumed_ledger(LEDGER, make_ledger([grown, other]), "last.ckpt")
    assert [(data.name, data.songs) for data in ledger.data] == [("songs", 5), ("others", 1)]
    assert ledger.data[0].licenses == {"CC-BY-4.0": 5, "unknown": 1}
    assert ledger.bases == LEDGER.bases
    assert resumed_ledger(LEDGER, make_ledger([SONGS]), "last.ckpt") == LEDGER


def test_what_an_older_run_learned_from_is_unknown():
    ledger = resumed_ledger(None, make_ledger([SONGS]), "run/last.ckpt")
    assert ledger.bases == (base_of("run/last.ckpt"),)
    assert ledger.bases[0].ledger is None


def test_models_of_one_ledger_have_it_together():
    assert joint_ledger([base_of("a", ledger=LEDGER), base_of("b", ledger=LEDGER)]) == LEDGER
    assert joint_ledger([base_of("a"), base_of("b")]) is None
    mixed = joint_ledger([base_of("a", ledger=LEDGER), base_of("b")])
    assert mixed is not None and [base.name for base in mixed.bases] == ["a", "b"]
    assert [base.ledger for base in mixed.bases] == [LEDGER, None]
