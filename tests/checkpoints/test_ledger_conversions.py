"""The ledger and the digest of the weights through every form of a checkpoint."""

import json

import safetensors
import torch
import yaml

from bsroformer import load_model
from bsroformer.checkpoints import open_checkpoint
from bsroformer.checkpoints.average import average_checkpoints, average_ledger
from bsroformer.checkpoints.digest import weights_digest
from bsroformer.checkpoints.ledger import base_of, data_set, make_ledger
from bsroformer.checkpoints.native import describe
from bsroformer.checkpoints.save import save_model, save_public, save_weights, save_weights_alone
from bsroformer.models.public_yaml import PlainLoader

LEDGER = make_ledger(
    [data_set("Mädchen & Söhne: #1", 3, 0.25, {"CC-BY-4.0": 2, "unknown": 1}, ["https://example.org/a?b=c#d"])],
    [base_of("hf://owner/repo/model.ckpt@v2", "ab" * 32, make_ledger([data_set("first", 1, 1, {"null": 1}, ["yes"])]))],
)


def test_a_ledger_survives_every_conversion(tmp_path, tiny_model):
    weights = {f"model.{name}": tensor for name, tensor in tiny_model.state_dict().items()}
    entry = describe(tiny_model.settings, LEDGER)
    torch.save({"bsroformer": entry, "state_dict": weights, "optimizer_states": [{}]}, tmp_path / "last.ckpt")
    digest = weights_digest(tiny_model)

    def convert(source: str, path: str) -> None:
        opened = open_checkpoint(tmp_path / source)
        save_model(opened.model(), tmp_path / path, "", opened.ledger)

    def export(source: str, path: str) -> None:
        opened = open_checkpoint(tmp_path / source)
        save_public(opened.model(), tmp_path / path, opened.ledger)

    def strip(source: str, path: str) -> None:
        save_weights_alone(open_checkpoint(tmp_path / source), tmp_path / path)

    def average(source: str, path: str) -> None:
        opened = [open_checkpoint(tmp_path / source)] * 2
        save_weights(average_checkpoints(opened), tmp_path / path, ledger=average_ledger(opened))

    steps = [
        (strip, "stripped.ckpt"),
        (convert, "converted.safetensors"),
        (export, "public.ckpt"),
        (strip, "public_stripped.ckpt"),
        (export, "public_2.safetensors"),
        (convert, "back.safetensors"),
        (average, "average.ckpt"),
    ]
    source = "last.ckpt"
    for step, path in steps:
        step(source, path)
        opened = open_checkpoint(tmp_path / path)
        assert opened.ledger == LEDGER, path
        assert weights_digest(opened.model()) == digest, path
        source = path


def test_public_safetensors_hold_the_ledger_themselves(tmp_path, tiny_model):
    config = save_public(tiny_model, tmp_path / "public.safetensors", LEDGER)
    with safetensors.safe_open(tmp_path / "public.safetensors", "pt") as file:
        assert json.loads(file.metadata()["bsroformer_ledger"]) == LEDGER.to_plain()
    config.unlink()
    opened = open_checkpoint(tmp_path / "public.safetensors")
    assert opened.ledger == LEDGER
    save_weights_alone(opened, tmp_path / "stripped.ckpt")
    assert open_checkpoint(tmp_path / "stripped.ckpt").ledger == LEDGER


def test_public_weights_are_the_same_with_a_ledger(tmp_path, tiny_model):
    plain = save_public(tiny_model, tmp_path / "plain.ckpt")
    config = save_public(tiny_model, tmp_path / "public.ckpt", LEDGER)
    assert config.read_text("utf-8").startswith(plain.read_text("utf-8"))
    tree = yaml.load(config.read_text("utf-8"), PlainLoader)
    assert tree["bsroformer_ledger"] == LEDGER.to_plain()
    torch.testing.assert_close(torch.load(tmp_path / "public.ckpt"), torch.load(tmp_path / "plain.ckpt"))


def test_a_damaged_ledger_in_a_yaml_is_noted(tmp_path, tiny_model):
    config = save_public(tiny_model, tmp_path / "public.ckpt")
    config.write_text(config.read_text() + "bsroformer_ledger: [1, 2]\n")
    notes = open_checkpoint(tmp_path / "public.ckpt").notes
    assert any("public.yaml (bsroformer_ledger) is not a ledger" in note for note in notes)
    assert load_model(tmp_path / "public.ckpt").stems == tiny_model.stems


def test_one_changed_weight_changes_the_digest(tiny_model):
    digest = weights_digest(tiny_model)
    assert weights_digest(tiny_model) == digest
    with torch.no_grad():
        next(tiny_model.parameters()).view(-1)[0] += 1e-6
    assert weights_digest(tiny_model) != digest
