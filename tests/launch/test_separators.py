import pytest
import torch
from omegaconf import OmegaConf
from rich.console import Console

from bsroformer.checkpoints.save import save_model
from bsroformer.errors import InputError
from bsroformer.inference import Ensemble, Separator
from bsroformer.launch import separators
from bsroformer.launch.separators import build_separator, checkpoint_states, device_of
from bsroformer.model import BandSplitRoformer, ModelSettings
from launched import composed


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
    return build_separator(cfg, Console(), stems)


def test_one_checkpoint_is_a_separator_and_several_are_an_ensemble(checkpoints):
    assert isinstance(built(checkpoints[:1]), Separator)
    ensemble = built(checkpoints)
    assert isinstance(ensemble, Ensemble)
    assert ensemble.stems == ("vocals", "other", "drums")
    mixture = torch.randn(2, 5000)
    assert ensemble(mixture).shape == (3, 2, 5000)


def test_each_of_several_checkpoints_computes_those_of_the_stems_that_it_has(checkpoints):
    ensemble = built(checkpoints, stems=["vocals", "drums"])
    assert [member.stems for member in ensemble.members] == [("vocals",), ("Vocals", "drums")]
    assert ensemble.stems == ("vocals", "drums")


@pytest.mark.parametrize(
    ("overrides", "stems", "reason"),
    [
        ([], ["other"], r"1\.safetensors has none of the stems other: leave it out"),
        ([], ["vocals", "piano"], "none of the checkpoints has the stem piano"),
        (["config=[a,b,c]"], None, r"config has 3 value\(s\) for 2 checkpoint"),
        (["sha256=[a]"], None, r"sha256 has 1 value\(s\) for 2 checkpoint"),
        (["ckpt=[]"], None, r"ckpt=\[\] names nothing"),
    ],
)
def test_what_does_not_fit_the_checkpoints_is_told(checkpoints, overrides, stems, reason):
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
def test_processes_that_share_a_collection_compute_on_devices_of_their_own(monkeypatch, overrides, rank, device):
    monkeypatch.setattr(separators, "best_device", lambda process: f"gpu {process}")
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("LOCAL_RANK", rank)
    assert device_of(composed("separate", "ckpt=x", "input=x", *overrides)) == device


@pytest.mark.parametrize("name", ["x.yaml", "x.yml", "x.ckpt.yaml", "config_x.yaml"])
def test_the_yaml_that_is_read_belongs_to_the_state_of_a_checkpoint(tmp_path, name):
    cfg = OmegaConf.create({"ckpt": str(tmp_path / "x.ckpt"), "config": None})
    (tmp_path / "x.ckpt").write_bytes(b"weights")
    before = checkpoint_states(cfg)
    (tmp_path / name).write_text("a: 1")
    first = checkpoint_states(cfg)
    (tmp_path / name).write_text("a: 22")
    assert before != first != checkpoint_states(cfg)
