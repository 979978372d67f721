import os
import shutil
from pathlib import Path

import pytest
import torch
from rich.console import Console

from bsroformer.checkpoints.save import save_model
from bsroformer.cli.checkpoint_sources import open_checkpoints
from bsroformer.cli.commands.evaluate.candidates import checkpoints as checkpoints_of
from bsroformer.cli.commands.evaluate.candidates import model_settings
from bsroformer.cli.commands.separate import separators
from bsroformer.cli.commands.separate.command import settings_of
from bsroformer.cli.commands.separate.separators import device_of, separator_from
from bsroformer.errors import InputError
from bsroformer.file_state import digest
from bsroformer.inference import Ensemble, Separator
from bsroformer.models import ModelSettings
from bsroformer.models.bs_roformer import BandSplitRoformer
from support.launched import REPOSITORY, composed


@pytest.fixture
def checkpoints(tiny_tree, tmp_path) -> list[str]:
    """One of vocals and other, one of drums and vocals with longer windows."""
    paths = []
    for changes in ({}, {"stems": ["drums", "Vocals"], "chunk_seconds": 0.2}):
        path = tmp_path / f"{len(paths)}.safetensors"
        save_model(BandSplitRoformer(ModelSettings.from_dict(tiny_tree | changes)).eval(), path)
        paths.append(str(path))
    return paths


def built(ckpt: list[str], *overrides: str, stems: list[str] | None = None):
    cfg = composed("separate", f"ckpt=[{','.join(ckpt)}]", "input=x", "device=cpu", *overrides)
    return separator_from(open_checkpoints(cfg, Console()), cfg, stems)


def test_several_checkpoints_are_an_ensemble(checkpoints):
    assert isinstance(built(checkpoints[:1]), Separator)
    ensemble = built(checkpoints)
    assert isinstance(ensemble, Ensemble)
    assert ensemble.stems == ("vocals", "other", "drums")
    mixture = torch.randn(2, 5000)
    assert ensemble(mixture).shape == (3, 2, 5000)


def test_each_of_several_checkpoints_computes_its_own_stems(checkpoints):
    ensemble = built(checkpoints, stems=["vocals", "drums"])
    assert [member.stems for member in ensemble.members] == [("vocals",), ("Vocals", "drums")]
    assert ensemble.stems == ("vocals", "drums")


@pytest.mark.parametrize(
    ("overrides", "stems", "reason"),
    [
        ([], ["other"], r"1\.safetensors separates no stem of other; remove it"),
        ([], ["vocals", "piano"], "no checkpoint has the stem piano"),
        (["config=[a,b,c]"], None, r"config has 3 values for 2 checkpoints"),
        (["sha256=[" + 64 * "a" + "]"], None, r"sha256 has 1 value for 2 checkpoints"),
        (["ckpt=[]"], None, r"ckpt=\[\] must be a path or a list of paths"),
    ],
)
def test_keys_that_do_not_fit_the_checkpoints_are_reported(checkpoints, overrides, stems, reason):
    with pytest.raises(InputError, match=reason):
        built(checkpoints, *overrides, stems=stems)


@pytest.mark.parametrize(
    ("overrides", "rank", "device"),
    [
        ([], None, "auto"),
        (["shard.count=3", "shard.index=2"], None, "gpu 2"),
        (["shard.count=3", "shard.index=2"], "1", "gpu 1"),
        (["device=cpu"], "1", "cpu"),
        (["engine=openvino"], "1", "auto"),
    ],
)
def test_processes_that_share_songs_have_their_own_devices(monkeypatch, overrides, rank, device):
    monkeypatch.setattr(separators, "best_device", lambda process: f"gpu {process}")
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("LOCAL_RANK", rank)
    cfg = composed("separate", "ckpt=x", "input=x", *overrides)
    assert device_of(cfg, cfg.shard.index, cfg.shard.count) == device


PUBLIC = REPOSITORY / "tests" / "reference" / "bs_vocals"
YAML_NAMES = ("m.yaml", "m.yml", "m.ckpt.yaml", "config_m.yaml", "elsewhere/any.yaml")


@pytest.mark.parametrize("name", YAML_NAMES)
def test_a_corrected_yaml_makes_other_stems_and_scores(tmp_path, name):
    """The corrected file keeps its length and time, as some editors do."""
    shutil.copy(PUBLIC.with_suffix(".ckpt"), tmp_path / "m.ckpt")
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    text = PUBLIC.with_suffix(".yaml").read_text()
    assert "  chunk_size: 22050" in text
    explicit = [f"config={path}"] if path.parent != tmp_path else []
    found = []
    for content in (text, text.replace("  chunk_size: 22050", "  chunk_size: 33075"), text):
        path.write_text(content)
        os.utime(path, (0, 0))
        found.append(fingerprints(tmp_path / "m.ckpt", *explicit))
    assert found[0] == found[2]
    assert found[0][0] != found[1][0] and found[0][1] != found[1][1]


def fingerprints(ckpt: Path, *overrides: str) -> tuple[str, str]:
    """Cache keys of a song's stems and of a model's scores."""
    separate = composed("separate", f"ckpt={ckpt}", "input=x", *overrides)
    evaluate = composed("eval", "data=folder", f"ckpt={ckpt}", *overrides)
    opened = open_checkpoints(separate, Console())
    [source] = checkpoints_of(evaluate).values()
    evaluated = open_checkpoints(source.files, Console())
    return digest(settings_of(separate, opened)), model_settings(evaluate, source, evaluated)


def test_a_yaml_that_is_not_read_changes_nothing(checkpoints, tmp_path):
    shutil.copy(PUBLIC.with_suffix(".ckpt"), tmp_path / "m.ckpt")
    shutil.copy(PUBLIC.with_suffix(".yaml"), tmp_path / "m.yaml")
    before = fingerprints(tmp_path / "m.ckpt"), fingerprints(Path(checkpoints[0]))
    (tmp_path / "config_m.yaml").write_text("after m.yaml in the order")
    Path(checkpoints[0]).with_suffix(".yaml").write_text("a native checkpoint needs none")
    assert (fingerprints(tmp_path / "m.ckpt"), fingerprints(Path(checkpoints[0]))) == before


def test_changed_weights_of_equal_size_and_time_are_detected(checkpoints):
    path = Path(checkpoints[0])
    os.utime(path, (0, 0))
    before = fingerprints(path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, (0, 0))
    assert not set(before) & set(fingerprints(path))


@pytest.mark.parametrize("setting", ["overlap=0.25", "shifts=2", "tta=[polarity]", "precision=fp32", "bit_depth=24"])
def test_settings_that_are_heard_make_other_stems(checkpoints, setting):
    path = Path(checkpoints[0])
    assert fingerprints_of_stems(path, setting) != fingerprints_of_stems(path)
    assert fingerprints_of_stems(path, "batch_size=2", "device=cpu") == fingerprints_of_stems(path)


def fingerprints_of_stems(ckpt: Path, *overrides: str) -> str:
    cfg = composed("separate", f"ckpt={ckpt}", "input=x", *overrides)
    return digest(settings_of(cfg, open_checkpoints(cfg, Console())))
