"""Exact resume of runs that train some weights only."""

from pathlib import Path

import pytest
import torch

from bsroformer.checkpoints.save import save_model
from bsroformer.models.registry import build_model
from support.launched import SMALL_RUN, composed
from support.runs import assert_same_end, batches_recorded, checkpoint, start

pytestmark = [
    pytest.mark.usefixtures("without_pictures"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec"),
]
ADAPTED = {
    "lora": ("lora.rank=2", "lora.layers=[attention,masks]", "lr_factors={trunk: 0.5}"),
    "half": ("lora.rank=2", "trainer.precision=bf16-mixed"),
    "parts": ("train_only=[masks]", "optimizer=muon"),
}


@pytest.fixture(scope="module")
def bases(tmp_path_factory) -> tuple[Path, Path]:
    """Files of two models of one shape."""
    folder = tmp_path_factory.mktemp("bases")
    paths = folder / "base.safetensors", folder / "other.safetensors"
    for number, path in enumerate(paths):
        torch.manual_seed(number)
        save_model(build_model(composed("train", *SMALL_RUN).settings), path)
    return paths


@pytest.mark.parametrize("case", ADAPTED)
def test_an_adapted_run_resumes_exactly(songs_root, tmp_path, bases, case):
    given = (*ADAPTED[case], f"init_from={bases[0]}")
    start(songs_root, tmp_path / "whole", *given)
    with batches_recorded(until=5):
        start(songs_root, tmp_path / "cut", *given)
    start(songs_root, tmp_path / "cut", f"resume={tmp_path / 'cut'}")
    assert_same_end(tmp_path / "cut", tmp_path / "whole")


def test_checkpoints_hold_trained_weights_and_the_base(songs_root, tmp_path, bases):
    start(songs_root, tmp_path, *ADAPTED["lora"], f"init_from={bases[0]}")
    saved = checkpoint(tmp_path)
    assert all("lora" in name for name in [*saved["state_dict"], *saved["current_model_state"]])
    assert saved["bsroformer"]["adapter"]["base"]["name"] == str(bases[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("lora.rank=3", "lora and train_only of a run cannot be changed"),
        ("lora.rank=null", "and this run trains all weights"),
        ("init_from={other}", "give the model that the run started from as init_from=..."),
    ],
)
def test_another_adaptation_is_not_resumed(songs_root, tmp_path, bases, capsys, change, message):
    given = (*ADAPTED["lora"], f"init_from={bases[0]}")
    with batches_recorded(until=5):
        start(songs_root, tmp_path, *given)
    changed = change.format(other=bases[1])
    others = [each for each in given if each.partition("=")[0] != changed.partition("=")[0]]
    with pytest.raises(SystemExit) as ended:
        checkpoints = tmp_path / "checkpoints" / "last.ckpt"
        start(songs_root, tmp_path / "new", *others, changed, f"ckpt_path={checkpoints}")
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
