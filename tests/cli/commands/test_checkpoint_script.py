"""Public checkpoints on the command line, in every command that takes them."""

import json
import re
import shutil
from pathlib import Path

import pytest
import soundfile
import torch
import yaml
from omegaconf import OmegaConf

from bsroformer import load_model
from bsroformer.checkpoints.hub import sha256_of
from support.launched import REPOSITORY, SMALL_RUN, launch

REFERENCE = REPOSITORY / "tests" / "reference"


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A folder with two public checkpoints and their YAML, in which the commands run."""
    for case in ("bs_four_stems", "mel_vocals"):
        for suffix in (".ckpt", ".yaml"):
            shutil.copy(REFERENCE / f"{case}{suffix}", tmp_path)
            (tmp_path / f"{case}{suffix}").chmod(0o644)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed_by(capsys, root: str, *overrides: str) -> str:
    with pytest.raises(SystemExit) as ended:
        launch(root, *overrides)
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    return error


def test_inspecting_describes_a_checkpoint(here, capsys):
    launch("checkpoint", "ckpt=bs_four_stems.ckpt")
    printed = capsys.readouterr().out
    for fact in (
        "public BS-RoFormer checkpoint, configured by bs_four_stems.yaml",
        sha256_of(here / "bs_four_stems.ckpt"),
        "drums, bass, other, vocals",
        "44100 Hz, stereo, windows of 0.5 s",
        "n_fft 512, hop 128",
        "21 side by side, in bins: 8 x 2, 8 x 4, 4 x 16, 1 x 145",
        "dim 16, 2 blocks (layers: 1 along time, 1 along bands), 2 heads of 8, skip connections",
        "after the last block",
        "1 hidden layer of 32 features, bin 0 set to zero",
        "Weights and bs_four_stems.yaml agree.",
    ):
        assert fact in printed
    model = load_model("bs_four_stems.ckpt")
    assert f"{sum(weight.numel() for weight in model.parameters()):,}" in printed
    assert f"{sum(weight.numel() for weight in model.mask_estimators.parameters()):,}" in printed


def test_inspecting_lists_where_weights_and_yaml_disagree(here, capsys):
    text = (here / "mel_vocals.yaml").read_text().replace("depth: 2\n", "depth: 5\n").replace("heads: 2", "heads: 4")
    (here / "wrong.yaml").write_text(text)
    with pytest.raises(SystemExit):
        launch("checkpoint", "ckpt=mel_vocals.ckpt", "config=wrong.yaml")
    printed = capsys.readouterr().out
    assert "It differs from wrong.yaml:" in printed
    line = text.splitlines().index("  heads: 4") + 1
    assert f"model.heads (wrong.yaml, line {line}) is 4 and must be 2" in printed
    assert "model.depth (wrong.yaml, line 12) is 5 and must be 2" in printed
    assert "dim 16, 2 blocks" in printed  # as the weights say
    assert re.search(r"layers\.2\.\S+ is missing \(expected shape", printed)
    error = printed_by(capsys, "checkpoint", "action=convert", "ckpt=mel_vocals.ckpt", "config=wrong.yaml")
    assert "must be 2" in error
    assert not (here / "mel_vocals.safetensors").exists()


@pytest.mark.parametrize(
    ("action", "made"), [("convert", ".safetensors"), ("export", "_public.ckpt"), ("strip", "_weights.ckpt")]
)
def test_each_form_that_is_written_loads_as_the_same_model(here, capsys, action, made):
    launch("checkpoint", f"action={action}", "ckpt=mel_vocals.ckpt")
    assert f"mel_vocals{made}" in capsys.readouterr().out
    assert load_model(f"mel_vocals{made}").settings == load_model("mel_vocals.ckpt").settings
    torch.testing.assert_close(
        load_model(f"mel_vocals{made}").state_dict(), load_model("mel_vocals.ckpt").state_dict(), rtol=0, atol=0
    )
    error = printed_by(capsys, "checkpoint", f"action={action}", "ckpt=mel_vocals.ckpt")
    assert f"mel_vocals{made} exists already; give another output=..., or set overwrite=true" in error
    launch("checkpoint", f"action={action}", "ckpt=mel_vocals.ckpt", "overwrite=true")


def test_a_converted_file_remembers_where_it_comes_from(here, capsys):
    launch("checkpoint", "action=convert", "ckpt=mel_vocals.ckpt", "output=one.safetensors")
    launch("checkpoint", "ckpt=one.safetensors")
    assert "mel_vocals.ckpt, public Mel-Band RoFormer checkpoint" in capsys.readouterr().out


def test_inspecting_with_a_wrong_yaml_describes_the_weights(here, capsys):
    with pytest.raises(SystemExit):
        launch("checkpoint", "ckpt=mel_vocals.ckpt", "config=bs_four_stems.yaml")
    printed = capsys.readouterr()
    assert "60 overlapping on the mel scale" in printed.out
    assert "bs_four_stems.yaml is a BS-RoFormer's" in printed.out
    assert "mel_vocals.ckpt differs from its configuration as listed above; give the right config=" in printed.err


def test_stripping_asks_before_it_replaces_a_yaml(here, capsys):
    (here / "small.yaml").write_text("precious: true")
    request = "action=strip", "ckpt=mel_vocals.ckpt", "output=small.ckpt"
    assert "small.yaml exists already" in printed_by(capsys, "checkpoint", *request)
    assert (here / "small.yaml").read_text() == "precious: true" and not (here / "small.ckpt").exists()


@pytest.mark.parametrize(
    "override",
    ["ckpt=123", "ckpt=null", "ckpt=[a,b]", "config=5", "output=5", "sha256=123", f"output={'x' * 250}.ckpt"],
)
def test_an_invalid_path_is_reported(here, capsys, override):
    printed_by(capsys, "checkpoint", "action=strip", "ckpt=mel_vocals.ckpt", override)


def test_checkpoints_of_equal_settings_are_averaged(here, capsys):
    launch("checkpoint", "action=convert", "ckpt=mel_vocals.ckpt", "output=same.safetensors")
    launch("checkpoint", "action=average", "ckpt=[mel_vocals.ckpt,same.safetensors]")
    assert "mel_vocals_average.ckpt is the average of 2 checkpoints" in capsys.readouterr().out
    average = load_model("mel_vocals_average.ckpt")
    model = load_model("mel_vocals.ckpt")
    assert average.settings == model.settings
    torch.testing.assert_close(average.state_dict(), model.state_dict(), rtol=0, atol=0)
    request = "action=average", "ckpt=[mel_vocals.ckpt,bs_four_stems.ckpt]", "output=c.ckpt"
    assert "mel_vocals.ckpt and bs_four_stems.ckpt are different models" in printed_by(capsys, "checkpoint", *request)
    assert "give ckpt=[a.ckpt,b.ckpt]" in printed_by(capsys, "checkpoint", *request, "ckpt=mel_vocals.ckpt")


def test_stripping_gives_the_averaged_weights_or_the_raw_ones(here, songs_root, capsys):
    launch("train", *SMALL_RUN, f"data.root={songs_root}", "paths.output_dir=out", "~callbacks.previews")
    path = "out/checkpoints/last.ckpt"
    launch("checkpoint", "action=strip", f"ckpt={path}", "output=averaged.ckpt")
    assert "averaged.ckpt holds the weights alone, averaged over training (EMA)" in capsys.readouterr().out
    launch("checkpoint", "action=strip", f"ckpt={path}", "output=raw.ckpt", "weights=raw")
    assert "raw.ckpt holds the weights alone: " in capsys.readouterr().out
    whole = torch.load(path, weights_only=True)
    for name, kind in {"averaged": "state_dict", "raw": "current_model_state"}.items():
        found = torch.load(f"{name}.ckpt", weights_only=True)["state_dict"]
        torch.testing.assert_close(found, whole[kind], rtol=0, atol=0)


def test_wrong_keys_are_reported(here, capsys):
    assert "action=eat must be one of inspect, convert, export, strip, average" in printed_by(
        capsys, "checkpoint", "action=eat", "ckpt=mel_vocals.ckpt"
    )
    assert "weights=mine must be one of averaged, raw" in printed_by(
        capsys, "checkpoint", "weights=mine", "ckpt=mel_vocals.ckpt"
    )
    assert "mel_vocals.ckpt does not hold raw weights beside averaged ones" in printed_by(
        capsys, "checkpoint", "action=strip", "weights=raw", "ckpt=mel_vocals.ckpt"
    )
    assert "no checkpoint at nowhere.ckpt" in printed_by(capsys, "checkpoint", "ckpt=nowhere.ckpt")
    assert "the key ckpt has no value" in printed_by(capsys, "checkpoint")
    assert "which is not sha256=" in printed_by(capsys, "checkpoint", "ckpt=mel_vocals.ckpt", f"sha256={'0' * 64}")
    assert "must end in" in printed_by(capsys, "checkpoint", "action=convert", "ckpt=mel_vocals.ckpt", "output=x.ckpt")


def test_a_song_is_separated_with_a_public_checkpoint(here, songs_root):
    song = songs_root / "test" / "D" / "vocals.wav"
    launch("separate", "ckpt=bs_four_stems.ckpt", f"input={song}", "output=out")
    assert {path.stem for path in (here / "out" / "vocals").iterdir()} == {"drums", "bass", "other", "vocals"}
    assert soundfile.info(here / "out" / "vocals" / "bass.wav").frames == 44_100


def test_assumptions_without_a_yaml_are_reported(here, songs_root, capsys):
    (here / "mel_vocals.yaml").unlink()
    song = songs_root / "test" / "D" / "vocals.wav"
    launch("separate", "ckpt=mel_vocals.ckpt", f"input={song}", "output=out")
    assert "mel_vocals.ckpt has no YAML file" in capsys.readouterr().out
    assert [path.name for path in (here / "out" / "vocals").iterdir()] == ["stem_1.wav"]


@pytest.mark.parametrize("name", ["vocals", "Vocals"])
def test_a_public_checkpoint_of_one_stem_is_scored_on_that_stem(here, songs_root, name):
    text = (here / "mel_vocals.yaml").read_text()
    (here / "mel_vocals.yaml").write_text(text.replace("target_instrument: vocals", f"target_instrument: {name}"))
    data = "data=folder", f"data.root={songs_root}", "output=out"
    launch("eval", "ckpt=mel_vocals.ckpt", *data)
    results = json.loads((here / "out" / "results.json").read_text())
    assert results["stems"] == ["vocals"]
    assert [method["name"] for method in results["methods"]] == ["mixture", "mel_vocals", "IRM2"]


@pytest.fixture
def architecture(here) -> list[str]:
    """Overrides of the public checkpoint's architecture, as its inspection writes it."""
    launch("checkpoint", "ckpt=bs_four_stems.ckpt", "output=mine.yaml")
    tree = yaml.safe_load((here / "mine.yaml").read_text())
    assert tree.pop("chunk_seconds") == "${data.seconds}"
    words = json.dumps(tree).replace('"', "")
    return [f"++model={words}"]


def run_from(here: Path, songs_root: Path, architecture: list[str], *overrides: str) -> None:
    run = [override for override in SMALL_RUN if not override.startswith("model.")]
    places = f"data.root={songs_root}", "paths.output_dir=out"
    plain = "model.trunk.convolution=null"  # not in the file, since public models have none
    launch("train", *run, plain, *places, *architecture, "init_from=bs_four_stems.ckpt", *overrides)


def test_a_training_starts_from_a_public_checkpoint(here, songs_root, architecture, capsys):
    run_from(here, songs_root, architecture, "optimizer.lr=1e-12")
    printed = capsys.readouterr().out
    assert "From bs_four_stems.ckpt: copied band split (0.02 M), blocks (0.01 M)" in printed
    assert "all weights" in printed
    trained = load_model("out/checkpoints/last.ckpt")
    torch.testing.assert_close(trained.state_dict(), load_model("bs_four_stems.ckpt").state_dict())


def test_with_other_stems_the_log_names_fresh_weights(here, songs_root, architecture, capsys):
    run_from(here, songs_root, architecture, "model.stems=[vocals]")
    printed = capsys.readouterr().out
    assert "fresh mask estimators (0.08 M)" in printed
    assert "It separates drums, bass, other, vocals, and this run vocals." in printed
    assert "The model separates vocals; only mixtures contain drums, bass, other" in printed
    assert load_model("out/checkpoints/last.ckpt").stems == ("vocals",)


def test_a_wrong_architecture_error_names_the_right_command(here, songs_root, capsys):
    places = f"data.root={songs_root}", "paths.output_dir=out", "init_from=bs_four_stems.ckpt"
    error = printed_by(capsys, "train", *SMALL_RUN, *places)
    assert "model.trunk.dim is 8, and there 16" in error
    assert "bsroformer checkpoint inspect bs_four_stems.ckpt output=configs/model/mine.yaml" in error


def test_the_written_architecture_is_a_file_of_the_model_group(here):
    launch("checkpoint", "ckpt=mel_vocals.ckpt", "output=mine.yaml")
    tree = OmegaConf.load(here / "mine.yaml")
    OmegaConf.resolve(merged := OmegaConf.merge({"data": {"seconds": 3.0}}, tree))
    del merged["data"]
    settings = load_model("mel_vocals.ckpt").settings
    assert type(settings).from_dict(OmegaConf.to_container(merged)) == settings.model_copy(update={"chunk_seconds": 3})
