"""Tampered and damaged checkpoints are refused before anything is loaded."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bsroformer.checkpoints.native import read_training_checkpoint
from bsroformer.cli.commands.train.build import build_data, build_module, build_trainer
from bsroformer.cli.commands.train.command import train
from bsroformer.data.datamodule import StemsDataModule
from bsroformer.errors import InputError
from bsroformer.run_folder import LAST
from bsroformer.training.optimizer import first_states
from bsroformer.training.resume.checkpoint_io import CarefulCheckpointIO
from bsroformer.training.resume.state_check import check_training_state
from support.launched import SMALL_RUN, composed

pytestmark = [pytest.mark.usefixtures("without_pictures"), pytest.mark.filterwarnings("ignore")]
QUIET = "~callbacks.previews", "~callbacks.report", "~callbacks.progress"


@pytest.fixture(scope="module")
def trained(songs_root, tmp_path_factory) -> tuple[Path, Any]:
    """A run of two steps and its configuration."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    cfg = composed("train", *SMALL_RUN, *QUIET, f"data.root={songs_root}", f"paths.output_dir={folder}")
    train(cfg)
    return folder, cfg


@pytest.fixture(scope="module")
def kept(trained) -> dict[str, Any]:
    return torch.load(trained[0] / "checkpoints" / LAST, weights_only=True)


@pytest.fixture(scope="module")
def resumes(trained) -> Callable[[Path], None]:
    """Check a file as a training that resumes from it."""
    cfg = trained[1]
    module, data, trainer = build_module(cfg), build_data(cfg), build_trainer(cfg)

    def check(path: Path) -> None:
        check_training_state(read_training_checkpoint(path), path, trainer, module, data)

    return check


def changed(checkpoint: dict[str, Any], key: tuple[Any, ...], change: Any) -> dict[str, Any]:
    """Change an entry of a checkpoint, or remove it if the change is `...`."""
    checkpoint = copy.deepcopy(checkpoint)
    node: Any = checkpoint
    for name in key[:-1]:
        node = node[name]
    if change is ...:
        del node[key[-1]]
    else:
        node[key[-1]] = change(node[key[-1]]) if callable(change) else change
    return checkpoint


OPTIMIZER = ("optimizer_states", 0)
FIRST = (*OPTIMIZER, "state", 0)
LOOPS = ("loops", "fit_loop")
BATCHES = (*LOOPS, "epoch_loop.batch_progress")
BEST = "ModelCheckpoint{'monitor': 'val/sdr', 'mode': 'max', 'every_n_train_steps': 0, 'every_n_epochs': 1, 'train_time_interval': None}"  # noqa: E501
WEIGHT = "model.band_split.linears.0.bias"


def overlapping(tensor: torch.Tensor) -> torch.Tensor:
    """The same shape and as long a storage, but every value at the same place."""
    return torch.zeros(tensor.numel()).as_strided(tensor.shape, (0,) * tensor.dim())


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ((*FIRST, "exp_avg"), torch.zeros(1)),
        ((*FIRST, "exp_avg_sq"), lambda moment: moment.flatten()),
        ((*FIRST, "exp_avg_sq"), lambda moment: moment[..., 1:].clone()),
        ((*FIRST, "exp_avg"), lambda moment: torch.zeros(*moment.shape, 2)),
        ((*FIRST, "exp_avg"), overlapping),
        ((*FIRST, "exp_avg"), lambda moment: moment.long()),
        ((*FIRST, "exp_avg"), lambda moment: moment.to_sparse()),
        ((*FIRST, "exp_avg"), lambda moment: torch.full_like(moment, torch.nan)),
        ((*FIRST, "exp_avg_sq"), lambda moment: moment - 1),
        ((*FIRST, "exp_avg"), None),
        ((*FIRST, "exp_avg"), "word"),
        ((*FIRST, "exp_avg"), ...),
        ((*FIRST, "step"), torch.zeros(3)),
        ((*FIRST, "step"), torch.tensor(2, dtype=torch.float16)),
        ((*FIRST, "step"), torch.tensor(torch.inf)),
        ((*FIRST, "step"), "two"),
        ((*FIRST, "more"), torch.zeros(3)),
        (FIRST, "word"),
        ((*OPTIMIZER, "state", 999), {}),
        ((*OPTIMIZER, "state", "0"), {}),
        ((*OPTIMIZER, "state"), []),
        ((*OPTIMIZER, "param_groups"), []),
        ((*OPTIMIZER, "param_groups", 0), 3),
        ((*OPTIMIZER, "param_groups", 0, "params"), [0]),
        ((*OPTIMIZER, "param_groups", 0, "params", 0), torch.zeros(4)),
        ((*OPTIMIZER, "param_groups", 0, "params"), lambda params: [*params[:-1], 999]),
        ((*OPTIMIZER, "param_groups", 0, "lr"), "fast"),
        ((*OPTIMIZER, "param_groups", 0, "lr"), float("nan")),
        ((*OPTIMIZER, "param_groups", 1, "initial_lr"), ...),
        (("optimizer_states",), lambda states: states * 2),
        (("optimizer_states",), {"a": 1}),
        (("lr_schedulers",), ...),
        (("lr_schedulers",), []),
        (("lr_schedulers", 0, "base_lrs"), [1.0]),
        (("lr_schedulers", 0, "last_epoch"), "two"),
        (("lr_schedulers", 0, "last_epoch"), -3),
        (("lr_schedulers", 0, "lr_lambdas"), ...),
        (("lr_schedulers", 0, "step"), 3),
        (("loops",), ...),
        (("loops",), 3),
        (("loops",), {}),
        (LOOPS, []),
        ((*LOOPS, "epoch_progress"), ...),
        ((*LOOPS, "epoch_progress", "current", "completed"), "one"),
        ((*LOOPS, "epoch_progress", "current", "completed"), 1.5),
        ((*LOOPS, "epoch_progress", "current", "completed"), True),
        ((*LOOPS, "epoch_progress", "total"), ...),
        ((*BATCHES, "total", "ready"), -1),
        ((*BATCHES, "total", "ready"), 10**5000),
        ((*BATCHES, "current", "increment_ready"), 3),
        ((*BATCHES, "is_last_batch"), "no"),
        ((*LOOPS, "epoch_loop.state_dict", "_batches_that_stepped"), "two"),
        ((*LOOPS, "state_dict", "combined_loader"), [{}, {}]),
        ((*LOOPS, "state_dict", "combined_loader"), [{"a": 1}]),
        (("global_step",), ...),
        (("global_step",), "two"),
        (("epoch",), torch.zeros(2)),
        (("pytorch-lightning_version",), ...),
        (("pytorch-lightning_version",), "new"),
        (("pytorch-lightning_version",), "0.9.0"),
        (("pytorch-lightning_version",), 2),
        (("callbacks",), ...),
        (("callbacks",), []),
        (("callbacks", "Faults"), [1]),
        (("callbacks", "Faults", "skipped"), "none"),
        (("callbacks", "Faults", "recent"), ["word"]),
        (("callbacks", "Faults", "recent"), ...),
        (("callbacks", "Curves", "means"), []),
        (("callbacks", "Curves", "means", "train/loss"), ["a", "b"]),
        (("callbacks", "Curves", "means", "train/loss"), 3),
        (("callbacks", "Ema", "latest_update_step"), "two"),
        (("callbacks", "LastCheckpoint", "unvalidated"), 1),
        (("callbacks", BEST, "best_model_score"), "good"),
        (("callbacks", BEST, "best_model_score"), torch.zeros(3)),
        (("callbacks", BEST, "best_k_models"), []),
        (("callbacks", BEST, "best_k_models"), {"/home/x/../diary.txt": torch.tensor(1.0)}),
        (("callbacks", BEST, "best_k_models"), {"/home/x/..": torch.tensor(1.0)}),
        (("callbacks", BEST, "best_k_models"), {"best.ckpt": "good"}),
        (("callbacks", BEST, "kth_best_model_path"), "/etc/passwd"),
        (("callbacks", BEST, "best_model_path"), 3),
        (("callbacks", BEST, "best_model_path"), ...),
        (("state_dict", WEIGHT), ...),
        (("state_dict", WEIGHT), lambda weight: weight[1:].clone()),
        (("state_dict", WEIGHT), lambda weight: weight * torch.nan),
        (("state_dict", "loss.more"), torch.zeros(1)),
        (("current_model_state", WEIGHT), lambda weight: weight[1:].clone()),
        (("current_model_state", WEIGHT), ...),
        (("current_model_state", WEIGHT), "word"),
        (("current_model_state", WEIGHT), lambda weight: weight * torch.inf),
        (("current_model_state",), 3),
        (("averaging_state",), ...),
        (("averaging_state", "n_averaged"), torch.tensor(-1)),
        (("averaging_state", "n_averaged"), torch.zeros(2)),
        (("averaging_state", "n_averaged"), "two"),
        (("averaging_state", "module.x"), torch.zeros(2)),
        (("bsroformer", "format"), torch.zeros(2)),
        (("bsroformer", "format"), True),
        (("StemsDataModule", "sizes", "step"), 0),
        (("StemsDataModule", "sizes"), {"epoch": 4}),
        (("StemsDataModule", "stand", "excerpt"), -1),
        (("StemsDataModule", "stand"), "here"),
        (("StemsDataModule", "drawn_from"), ...),
        (("StemsDataModule",), 3),
    ],
    ids=lambda value: ".".join(map(str, value))[-60:] if isinstance(value, tuple) else "",
)
def test_a_tampered_entry_is_refused(kept, resumes, tmp_path, key, change):
    path = tmp_path / "evil.ckpt"
    torch.save(changed(kept, key, change), path)
    with pytest.raises(InputError) as refused:
        resumes(path)
    message = str(refused.value)
    assert message.startswith(str(path))
    assert len(message) < 600
    assert "\n" not in message


def test_endlessly_nested_lists_are_refused(kept, resumes, tmp_path):
    endless: list[Any] = []
    endless.append(endless)
    wide: list[Any] = [0]
    for _ in range(40):
        wide = [wide, wide]
    for number, (key, value) in enumerate(
        [
            (("optimizer_states", 0, "state", 0, "exp_avg"), endless),
            (("loops",), wide),
            (("callbacks", "Faults"), endless),
        ]
    ):
        path = tmp_path / f"{number}.ckpt"
        torch.save(changed(kept, key, lambda _, value=value: value), path)
        with pytest.raises(InputError, match="does not fit this training or is damaged"):
            resumes(path)


def test_a_checkpoint_of_this_training_passes(trained, resumes):
    for name in (LAST, "best.ckpt"):
        resumes(trained[0] / "checkpoints" / name)


def test_moments_of_the_wrong_length_are_refused(kept, trained, tmp_path):
    for state in (evil := copy.deepcopy(kept))["optimizer_states"][0]["state"].values():
        state |= {name: torch.zeros(1) for name in ("exp_avg", "exp_avg_sq")}
    torch.save(evil, tmp_path / "evil.ckpt")
    cfg = trained[1].replaced({"ckpt_path": f"{tmp_path}/evil.ckpt", "paths.output_dir": f"{tmp_path}/new"})
    with pytest.raises(InputError) as refused:
        train(cfg)
    printed = str(refused.value)
    assert "exp_avg has shape (1,) instead of" in printed
    assert f"init_from={tmp_path}/evil.ckpt" in printed


@pytest.mark.parametrize("name", ["AdamW", "Adam", "SGD", "NAdam", "RMSprop", "Adafactor", "Adagrad"])
def test_first_states_are_those_of_a_real_step(trained, name):
    optimizer = {"_target_": f"torch.optim.{name}", "_partial_": True, "lr": 0.1}
    module = build_module(trained[1].replaced({"optimizer": optimizer}))
    optimizer, _ = module.optimizer_and_schedule(10)
    for parameter in module.model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    expected = optimizer.state_dict()["state"]
    found = first_states(module.model, module.make_optimizer)
    assert found is not None
    for number, state in enumerate(found):
        assert {name: value.shape for name, value in state.items() if value is not None} == {
            name: value.shape for name, value in expected.get(number, {}).items() if value is not None
        }


def test_lightning_reads_no_pickle_that_runs_code(tmp_path):
    torch.save({"state_dict": {}, "evil": StemsDataModule}, tmp_path / "evil.ckpt")
    with pytest.raises(InputError, match="must not run code"):
        CarefulCheckpointIO().load_checkpoint(tmp_path / "evil.ckpt", weights_only=False)
