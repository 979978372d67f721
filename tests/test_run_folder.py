import json
import os
from pathlib import Path

import pytest

from bsroformer.checkpoints.hub import resolve_path
from bsroformer.errors import InputError
from bsroformer.run_folder import RunFolder, weights_of


def run(folder: Path, *names: str, best: object = None) -> Path:
    for name in names:
        path = folder / "checkpoints" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    if best is not None:
        (folder / "run.json").write_text(best if isinstance(best, str) else json.dumps({"starts": [], "best": best[0]}))
    return folder


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("runs/a", "runs/a"),
        ("runs/a/checkpoints", "runs/a"),
        ("runs/a/checkpoints/last.ckpt", "runs/a"),
        ("runs/a/checkpoints/candidates/step-000002.ckpt", "runs/a"),
        ("models/mine.ckpt", "models"),
        ("/", "/"),
    ],
)
def test_a_path_names_the_folder_of_its_run(path, folder):
    assert RunFolder.of(Path(path)).path == Path(folder)


@pytest.mark.parametrize(
    ("names", "best", "expected"),
    [
        (["best.ckpt", "last.ckpt"], None, "best.ckpt"),
        (["best.ckpt", "average.ckpt"], None, "best.ckpt"),
        (["best.ckpt", "average.ckpt"], ["checkpoints/average.ckpt"], "average.ckpt"),
        (["best.ckpt", "average.ckpt"], ["checkpoints/best.ckpt"], "best.ckpt"),
        (["best.ckpt"], ["checkpoints/average.ckpt"], "best.ckpt"),
        (["best.ckpt"], ["/etc/passwd"], "best.ckpt"),
        (["best.ckpt"], [{"a": 1}], "best.ckpt"),
        (["best.ckpt"], "[" * 9999, "best.ckpt"),
        (["last.ckpt", "previous.ckpt"], None, "last.ckpt"),
        (["previous.ckpt"], None, "previous.ckpt"),
    ],
)
def test_a_run_folder_resolves_to_its_best_weights(tmp_path, names, best, expected):
    folder = run(tmp_path, *names, best=best)
    for path in (folder, folder / "checkpoints"):
        assert weights_of(path) == resolve_path(path) == folder / "checkpoints" / expected


def test_a_folder_without_checkpoints_is_refused(tmp_path):
    with pytest.raises(InputError, match=f"no checkpoint at {tmp_path}: it is a folder without checkpoints/best.ckpt"):
        weights_of(tmp_path)


def test_a_file_resolves_to_itself(tmp_path):
    for name in ("mine.ckpt", "nowhere.ckpt"):
        assert weights_of(tmp_path / name) == tmp_path / name


def test_any_checkpoint_marks_a_folder_as_a_training(tmp_path):
    assert RunFolder(tmp_path).checkpoint_files() == []
    for name in ("best.ckpt", "previous.ckpt", "candidates/step-000001.ckpt"):
        folder = run(tmp_path / os.path.basename(name), name)  # noqa: PTH119
        assert [path.name for path in RunFolder(folder).checkpoint_files()] == [Path(name).name]


def test_the_files_of_a_run_keep_their_names():
    folder = Path("runs/a")
    paths = vars(RunFolder(folder))
    assert paths.pop("path") == folder
    assert {name: path.relative_to(folder).as_posix() for name, path in paths.items()} == {
        "config": "config.yaml",
        "facts": "run.json",
        "log": "train.log",
        "metrics": "metrics.csv",
        "curves": "curves.png",
        "report": "report.html",
        "previews": "previews",
        "evaluation": "evaluation",
        "checkpoints": "checkpoints",
        "candidates": "checkpoints/candidates",
        "best": "checkpoints/best.ckpt",
        "average": "checkpoints/average.ckpt",
        "last": "checkpoints/last.ckpt",
        "previous": "checkpoints/previous.ckpt",
        "adapter": "checkpoints/adapter.safetensors",
    }
