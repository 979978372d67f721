import pytest

from bsroformer.checkpoints.model_names import name_model, unique_names


@pytest.mark.parametrize(
    ("paths", "name"),
    [
        (["x/small.ckpt"], "small"),
        (["runs/run7/checkpoints/best.ckpt"], "run7"),
        (["hf://owner/repository/model.ckpt@v1"], "repository"),
        (["hf://owner/repository/vocals.ckpt"], "vocals"),
        (["/model.ckpt"], "model"),
        (["x/small.ckpt", "x/best.ckpt", "y.ckpt"], "small and 2 more"),
    ],
)
def test_a_model_is_named_after_its_file_or_run_folder(paths, name):
    assert name_model(paths) == name


@pytest.mark.parametrize(
    "named",
    [
        {"runs/a/checkpoints/best.ckpt": "a", "runs/b/checkpoints/best.ckpt": "b"},
        {"u/demo/checkpoints/best.ckpt": "u/demo", "v/demo/checkpoints/best.ckpt": "v/demo", "x.ckpt": "x"},
        {"x/u/y/demo/best.ckpt": "u/y/demo", "x/v/y/demo/best.ckpt": "v/y/demo"},
        {"demo/best.ckpt": "demo/best.ckpt", "demo/last.ckpt": "demo/last.ckpt"},
        {"x/small.ckpt": "small.ckpt", "x/small.safetensors": "small.safetensors"},
        {"u/demo/best.ckpt": "u/demo", "u/demo/last.ckpt": "demo/last.ckpt", "v/demo/best.ckpt": "v/demo"},
        {"hf://o/r/model.ckpt@v1": "hf://o/r/model.ckpt@v1", "hf://o/r/model.ckpt@v2": "hf://o/r/model.ckpt@v2"},
    ],
)
def test_equal_names_get_more_of_their_paths(named):
    assert unique_names(list(named)) == named


def test_names_are_unique():
    parts = ("best", "a", "b")
    paths = [f"{one}/{two}/{three}.ckpt" for one in parts for two in parts for three in parts]
    names = unique_names([*paths, *(path.replace(".ckpt", ".pt") for path in paths)])
    assert len(set(names.values())) == 2 * 3**3
