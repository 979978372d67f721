from pathlib import Path

import pytest
from rich.console import Console

from bsroformer.checkpoints.save import save_model
from bsroformer.cli.commands.evaluate.candidates import build_candidates, facts_of
from bsroformer.errors import InputError
from bsroformer.models import ModelSettings
from bsroformer.models.bs_roformer import BandSplitRoformer
from support.launched import composed

CONSOLE = Console()


@pytest.fixture
def checkpoints(tiny_tree, tmp_path) -> tuple[str, str]:
    paths = tmp_path / "small.safetensors", tmp_path / "run7" / "checkpoints" / "best.safetensors"
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_model(BandSplitRoformer(ModelSettings.from_dict(tiny_tree)).eval(), path)
    return str(paths[0]), str(paths[1])


def built(*overrides):
    return build_candidates(composed("eval", "device=cpu", *overrides), CONSOLE)


def test_a_checkpoint_is_called_after_its_file_or_its_run(checkpoints):
    assert list(built(f"ckpt={checkpoints[0]}")) == ["small"]
    assert list(built(f"ckpt={checkpoints[1]}")) == ["run7"]


def test_a_list_is_an_average_and_a_mapping_is_compared(checkpoints):
    small, best = checkpoints
    (average,) = built(f"ckpt=[{small},{best}]").values()
    assert len(average.source.members) == 2
    both = built(f"ckpt={{a: {small}, b: [{small},{best}]}}", "weights={b: [0.7, 0.3]}")
    assert list(both) == ["a", "b"]
    assert both["b"].source.weights[:, 0].tolist() == pytest.approx([0.7, 0.3])


def test_folders_are_named_by_themselves_or_by_a_mapping(checkpoints, tmp_path):
    for name in ("x/stems", "y/stems"):
        (tmp_path / name).mkdir(parents=True)
    x = tmp_path / "x" / "stems"
    y = tmp_path / "y" / "stems"
    assert list(built(f"ckpt={checkpoints[0]}", f"estimates={x}")) == ["small", "stems"]
    assert list(built(f"estimates={{a: {x}, b: {y}}}")) == ["a", "b"]
    with pytest.raises(InputError, match=r"two folders of estimates have one name"):
        built(f"estimates=[{x},{y}]")
    with pytest.raises(InputError, match=r"two candidates are called stems"):
        built(f"ckpt={{stems: {checkpoints[0]}}}", f"estimates={x}")


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        ([], r"ckpt and estimates are null; give ckpt=\.\.\., or estimates="),
        (["estimates=nowhere"], r"estimates names nowhere, which is not a folder"),
        (["estimates=3"], r"estimates=3 must be a path or a list of paths"),
        (
            ["ckpt={a: x.ckpt}", "config=x.yaml"],
            r"config must name its checkpoint, as in config=\{a: \.\.\.\}",
        ),
    ],
)
def test_wrong_candidates_are_reported(overrides, reason):
    with pytest.raises(InputError, match=reason):
        built(*overrides)


def test_scores_are_kept_for_the_same_files_and_settings_only(checkpoints, tiny_tree):
    def settings(*overrides):
        (candidate,) = built(f"ckpt={checkpoints[0]}", *overrides).values()
        return candidate.settings

    first = settings()
    assert settings() == settings("batch_size=2", "split=valid") == first
    assert len({first, settings("overlap=0.25"), settings("shifts=2"), settings("precision=bf16")}) == 4
    save_model(BandSplitRoformer(ModelSettings.from_dict(tiny_tree)).eval(), Path(checkpoints[0]))
    assert settings() != first


def test_facts_describe_each_method(checkpoints, tmp_path):
    cfg = composed("eval", f"ckpt={{a: {checkpoints[0]}}}", f"estimates={tmp_path}", "overlap=0.25")
    facts = facts_of(cfg)
    assert facts["a"]["checkpoint"] == checkpoints[0]
    assert facts["a"]["overlap"] == 0.25
    assert facts[tmp_path.name] == {"folder": str(tmp_path)}
