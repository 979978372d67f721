"""The ledger from a training through the commands, and the card and upload of a model."""

import shutil
from pathlib import Path

import huggingface_hub
import pytest
import soundfile
import torch
import yaml

from bsroformer import load_model
from bsroformer.audio.tags import read_model
from bsroformer.checkpoints import open_checkpoint
from bsroformer.checkpoints.digest import weights_digest
from bsroformer.checkpoints.ledger import Ledger
from bsroformer.checkpoints.ledger_text import UNKNOWN_LEDGER, describe_ledger
from support.launched import REPOSITORY, SMALL_RUN, launch

REFERENCE = REPOSITORY / "tests" / "reference"
QUICK = ("~callbacks.previews", "~callbacks.report", "~callbacks.curves")


@pytest.fixture
def songs(tmp_path, songs_root, monkeypatch) -> Path:
    """Songs with licences, beside which the commands run."""
    root = tmp_path / "my songs"
    shutil.copytree(songs_root, root)
    (root / "LICENSE").write_text("CC-BY-4.0\n")
    (root / "train" / "A" / "metadata.json").write_text('{"license": "CC-BY-NC-4.0", "source": "https://example.org"}')
    monkeypatch.chdir(tmp_path)
    return root


@pytest.fixture
def public(tmp_path, monkeypatch) -> Path:
    """A public checkpoint in the current folder."""
    for suffix in (".ckpt", ".yaml"):
        shutil.copy(REFERENCE / f"bs_four_stems{suffix}", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "bs_four_stems.ckpt"


def train(songs: Path, *overrides: str) -> None:
    launch("train", *SMALL_RUN, *QUICK, f"data.root={songs}", *overrides)


def ledger_of(path: str) -> Ledger:
    ledger = open_checkpoint(path).ledger
    assert ledger is not None
    return ledger


def refused(capsys, *overrides: str) -> str:
    with pytest.raises(SystemExit) as ended:
        launch("checkpoint", *overrides)
    assert ended.value.code == 2
    error: str = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    return error


def test_a_ledger_lasts_from_training_to_fine_tuning(songs, capsys):
    own_masks = "model.masks.shared=false"  # as in the public layout
    train(songs, own_masks, "paths.output_dir=first", "average_best=2")
    lines = ["my songs: 2 songs, 0.001 h; licence CC-BY-NC-4.0 (1), CC-BY-4.0 (1); from https://example.org"]
    written = [path.name for path in Path("first").rglob("*.ckpt")]
    assert {"last.ckpt", "best.ckpt", "step-000002.ckpt"} <= set(written)
    for path in Path("first").rglob("*.ckpt"):
        assert describe_ledger(ledger_of(str(path))) == lines
    launch("checkpoint", "action=strip", "ckpt=first/checkpoints/last.ckpt", "output=stripped.ckpt")
    launch("checkpoint", "action=convert", "ckpt=stripped.ckpt", "output=converted.safetensors")
    launch("checkpoint", "action=export", "ckpt=converted.safetensors", "output=public.ckpt")
    launch("checkpoint", "action=average", "ckpt=[public.ckpt,converted.safetensors]", "output=average.ckpt")
    assert ledger_of("average.ckpt") == ledger_of("first/checkpoints/last.ckpt")
    digest = weights_digest(load_model("first/checkpoints/last.ckpt"))
    assert weights_digest(load_model("average.ckpt")) == digest

    train(songs, own_masks, "paths.output_dir=second", "init_from=public.ckpt", "data.name=more", "data.license=MIT")
    last = ledger_of("second/checkpoints/last.ckpt")
    assert describe_ledger(last) == [
        lines[0].replace("my songs", "more"),
        f"weights of public.ckpt ({digest[:16]}): {lines[0]}",
    ]
    capsys.readouterr()
    launch("checkpoint", "ckpt=second/checkpoints/last.ckpt")
    printed = capsys.readouterr().out
    assert f"weights of public.ckpt ({digest[:16]}): my songs: 2 songs" in printed
    assert str(songs.parent) not in str(last.to_plain())

    train(
        songs,
        own_masks,
        "ckpt_path=second/checkpoints/last.ckpt",
        "paths.output_dir=third",
        "trainer.max_steps=3",
        "data.name=more",
    )
    assert ledger_of("third/checkpoints/last.ckpt") == last


def test_what_an_older_checkpoint_learned_from_stays_unknown(songs):
    train(songs, "paths.output_dir=first")
    path = "first/checkpoints/last.ckpt"
    entries = torch.load(path, weights_only=True)
    del entries["bsroformer"]["ledger"]
    torch.save(entries, path)
    train(songs, f"ckpt_path={path}", "paths.output_dir=second", "trainer.max_steps=3")
    ledger = ledger_of("second/checkpoints/last.ckpt")
    assert [base.name for base in ledger.bases] == ["first/last.ckpt"]
    assert ledger.bases[0].ledger is None


def test_packs_alone_keep_the_licences(songs):
    data = "data=folder", "data.valid_songs=[B]", f"data.root={songs}"
    launch("prepare", *data, "data.pack=pack", "workers=1")
    shutil.rmtree(songs)
    train(songs, "paths.output_dir=run", "data.pack=pack")
    [data_set] = ledger_of("run/checkpoints/last.ckpt").data
    assert (data_set.name, data_set.licenses) == ("my songs", {"CC-BY-NC-4.0": 1, "CC-BY-4.0": 1})


def test_inspecting_a_file_without_a_ledger_says_so(public, capsys):
    launch("checkpoint", "ckpt=bs_four_stems.ckpt")
    printed = capsys.readouterr().out
    assert f"ledger    {UNKNOWN_LEDGER}" in printed
    assert f"digest    {weights_digest(load_model(public))}" in printed


def test_separated_stems_name_their_model(public, songs_root):
    song = songs_root / "test" / "D" / "vocals.wav"
    digest = weights_digest(load_model(public))
    for format in ("wav", "flac"):
        launch("separate", f"ckpt={public}", f"input={song}", f"output={format}", f"format={format}", "stems=[bass]")
        assert read_model(Path(format) / "vocals" / f"bass.{format}") == digest[:16]
    audio, _ = soundfile.read("wav/vocals/bass.wav")
    assert len(audio) == 44_100


def test_a_card_is_written_and_not_replaced(public, capsys):
    launch("checkpoint", "action=card", f"ckpt={public}", "license=mit", "repo=me/model")
    card = Path("README.md").read_text()
    assert yaml.safe_load(card.split("---\n")[1])["license"] == "mit"
    assert "hf://me/model/model.safetensors" in card and "# model" in card
    assert "Licence and training data are unknown" in capsys.readouterr().out
    assert "README.md exists already" in refused(capsys, "action=card", f"ckpt={public}")
    missing = refused(capsys, "action=card", f"ckpt={public}", "output=other.md", "results=nowhere")
    assert "results=nowhere has no results.json" in missing


def test_a_dry_run_uploads_nothing(public, hub, capsys):
    launch("checkpoint", "action=publish", f"ckpt={public}", "repo=me/model", "dry_run=true")
    printed = capsys.readouterr().out
    for name in ("model.safetensors: ", "model.yaml: ", "README.md: ", "pipeline_tag: audio-to-audio"):
        assert name in printed
    assert "Nothing was uploaded to me/model (dry_run=true)" in printed
    assert hub.files == {} and hub.tokens == set()


def test_a_published_model_can_be_loaded(public, hub, capsys, tmp_path):
    launch("checkpoint", "action=publish", f"ckpt={public}", "repo=me/model", "private=true")
    assert f"{hub.address}/me/model has the model" in capsys.readouterr().out
    assert hub.files["me/model"].keys() == {"model.safetensors", "model.yaml", "README.md"}
    assert hub.private["me/model"]
    (tmp_path / "downloaded.safetensors").write_bytes(hub.files["me/model"]["model.safetensors"])
    assert weights_digest(load_model(tmp_path / "downloaded.safetensors")) == weights_digest(load_model(public))
    assert "set overwrite=true to replace" in refused(capsys, "action=publish", f"ckpt={public}", "repo=me/model")


def test_publishing_needs_a_repository_and_a_token(public, monkeypatch, capsys):
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    publish = "action=publish", f"ckpt={public}"
    assert "set repo=owner/name" in refused(capsys, *publish)
    assert "repo=model must have the form owner/name" in refused(capsys, *publish, "repo=model")
    assert "set HF_TOKEN" in refused(capsys, *publish, "repo=me/model")
