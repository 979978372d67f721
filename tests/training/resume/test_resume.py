"""Exact resume of runs that were cut, and checkpoints as plain data."""

from pathlib import Path
from typing import Any

import pytest
import torch

from bsroformer import load_model
from bsroformer.checkpoints import open_checkpoint
from bsroformer.checkpoints.native import with_raw_weights
from bsroformer.checkpoints.save import save_weights_alone
from support.launched import SMALL_RUN, launch
from support.runs import batches_recorded, metrics

pytestmark = [
    pytest.mark.usefixtures("without_pictures"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec"),
]

# Two epochs of four batches, two of which make a step; the schedule bends in every step.
RUN = (
    *SMALL_RUN,
    "data.epoch_size=8",
    "trainer.max_steps=-1",
    "trainer.max_epochs=2",
    "trainer.accumulate_grad_batches=2",
    "trainer.log_every_n_steps=1",
    "scheduler.warmup_steps=1",
)
WEIGHTS = ("state_dict", "current_model_state")  # the average, and the optimiser's


def run(songs_root: Path, folder: Path, *overrides: str) -> dict[str, Any]:
    """Train, and read the last checkpoint."""
    launch("train", *RUN, f"data.root={songs_root}", f"paths.output_dir={folder}", *overrides)
    return last_checkpoint(folder)


def last_checkpoint(folder: Path) -> dict[str, Any]:
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)


def recorded(songs_root: Path, folder: Path, *overrides: str, batches: int | None = None) -> list[torch.Tensor]:
    """The batches ``(b n c t)`` that a run trains on, cut after some of them."""
    with batches_recorded(batches) as seen:
        run(songs_root, folder, *overrides)
    return seen


def cut_off(songs_root: Path, folder: Path, batches: int) -> None:
    """Interrupt a run after this many batches."""
    recorded(songs_root, folder, batches=batches)


@pytest.fixture(scope="module")
def uninterrupted(songs_root, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    run(songs_root, folder)
    return folder


@pytest.fixture(scope="module")
def resumed(songs_root, tmp_path_factory) -> Path:
    """A run that was cut off in its second epoch and resumed in the same folder."""
    folder = tmp_path_factory.mktemp("resumed")
    cut_off(songs_root, folder, batches=5)
    assert last_checkpoint(folder)["global_step"] == 2
    run(songs_root, folder, f"ckpt_path={folder}/checkpoints/last.ckpt")
    return folder


def test_resume_reaches_the_same_weights_bit_for_bit(uninterrupted, resumed):
    expected, found = last_checkpoint(uninterrupted), last_checkpoint(resumed)
    assert found["global_step"] == expected["global_step"] == 4
    for kind in WEIGHTS:
        assert found[kind].keys() == expected[kind].keys()
        for name, weights in expected[kind].items():
            assert torch.equal(found[kind][name], weights), name


def test_resume_restores_the_optimiser_and_schedule(uninterrupted, resumed):
    for entry in ("optimizer_states", "lr_schedulers"):
        expected, found = last_checkpoint(uninterrupted)[entry], last_checkpoint(resumed)[entry]
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_resume_restores_the_curves(uninterrupted, resumed):
    assert metrics(resumed) == metrics(uninterrupted)
    assert [row["step"] for row in metrics(resumed)] == ["1", "2", "3", "4"]


def test_a_run_is_reproducible(songs_root, tmp_path, uninterrupted):
    again = run(songs_root, tmp_path)["state_dict"]
    assert all(torch.equal(again[name], w) for name, w in last_checkpoint(uninterrupted)["state_dict"].items())


@pytest.mark.parametrize("name", ["best", "last"])
def test_a_checkpoint_is_a_complete_model(uninterrupted, name):
    path = uninterrupted / "checkpoints" / f"{name}.ckpt"
    weights = torch.load(path, weights_only=True)["state_dict"]
    model = load_model(path)
    assert model.stems == ("vocals", "drums", "bass", "other")
    assert all(torch.equal(weights[f"model.{name}"], w) for name, w in model.state_dict().items())


def test_resume_applies_the_configured_optimiser(songs_root, tmp_path, uninterrupted, capsys):
    checkpoint = uninterrupted / "checkpoints" / "last.ckpt"
    changes = "optimizer.lr=0.1", "optimizer.weight_decay=0.5", "optimizer.betas=[0.8,0.9]", "trainer.max_epochs=3"
    changed = run(songs_root, tmp_path, f"ckpt_path={checkpoint}", *changes, "scheduler.final=0.5")
    decaying, others = changed["optimizer_states"][0]["param_groups"]
    assert (decaying["weight_decay"], others["weight_decay"]) == (0.5, 0)
    assert list(decaying["betas"]) == list(others["betas"]) == [0.8, 0.9]
    assert decaying["lr"] == others["lr"] == pytest.approx(0.05)  # half of it, where the schedule ends
    printed = capsys.readouterr().out
    assert "optimizer.lr is 0.1 from here on, and was 0.0005." in printed
    assert "optimizer.betas is [0.8, 0.9] from here on, and was [0.9, 0.95]." in printed
    assert "optimizer.weight_decay is 0.5 from here on, and was 0.05." in printed
    assert "fused" not in printed
    assert f"resume={uninterrupted} resumes in the old one" in printed


def test_unchanged_settings_are_not_reported(songs_root, tmp_path, uninterrupted, capsys):
    checkpoint = uninterrupted / "checkpoints" / "last.ckpt"
    run(songs_root, tmp_path, f"ckpt_path={checkpoint}", "trainer.max_epochs=3")
    assert "from here on" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("trainer.max_epochs=1", "trainer.max_epochs=1 is less than the 2 epochs that"),
        ("optimizer.lr=x", "optimizer.lr=x must be a number"),
    ],
)
def test_invalid_changes_are_refused_on_resume(songs_root, tmp_path, uninterrupted, capsys, change, message):
    with pytest.raises(SystemExit) as ended:
        run(songs_root, tmp_path, f"ckpt_path={uninterrupted}/checkpoints/last.ckpt", change)
    assert ended.value.code == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_init_from_takes_weights_alone(songs_root, tmp_path, uninterrupted):
    checkpoint = uninterrupted / "checkpoints" / "last.ckpt"
    started = run(songs_root, tmp_path, f"init_from={checkpoint}", "optimizer.lr=1e-12", "trainer.max_epochs=1")
    assert started["global_step"] == 2
    torch.testing.assert_close(started["state_dict"], last_checkpoint(uninterrupted)["state_dict"])


def test_weights_alone_cannot_be_resumed_from(songs_root, tmp_path, uninterrupted, capsys):
    checkpoint = last_checkpoint(uninterrupted)
    torch.save({name: checkpoint[name] for name in ("bsroformer", "state_dict")}, tmp_path / "weights.ckpt")
    with pytest.raises(SystemExit):
        run(songs_root, tmp_path, f"ckpt_path={tmp_path}/weights.ckpt")
    printed = capsys.readouterr().err
    assert "weights.ckpt holds weights without a training to resume; set init_from=" in printed


def test_a_training_of_format_1_resumes(songs_root, tmp_path, uninterrupted):
    checkpoint = last_checkpoint(uninterrupted)
    checkpoint["bsroformer"]["format"] = 1
    for name in ("time", "band"):
        del checkpoint["state_dict"][f"model.{name}_rotary.inverse_frequencies"]
    torch.save(checkpoint, tmp_path / "old.ckpt")
    assert run(songs_root, tmp_path, f"ckpt_path={tmp_path}/old.ckpt", "trainer.max_epochs=3")["global_step"] == 6


def test_a_stripped_checkpoint_has_the_averaged_weights(tmp_path, uninterrupted):
    opened = open_checkpoint(uninterrupted / "checkpoints" / "last.ckpt")
    assert opened.averaged
    save_weights_alone(opened, tmp_path / "averaged.ckpt")
    save_weights_alone(with_raw_weights(opened), tmp_path / "raw.ckpt")
    weights = last_checkpoint(uninterrupted)
    for name, kind in zip(("averaged", "raw"), WEIGHTS, strict=True):
        kept = load_model(tmp_path / f"{name}.ckpt").state_dict()
        assert all(torch.equal(weights[kind][f"model.{name}"], weight) for name, weight in kept.items())
    assert not torch.equal(*(weights[kind]["model.final_norm.gamma"] for kind in WEIGHTS))


def test_a_resume_can_start_or_drop_the_average(songs_root, tmp_path, uninterrupted, caplog):
    checkpoint = uninterrupted / "checkpoints" / "last.ckpt"
    longer = "trainer.max_epochs=3", "~callbacks.previews"
    without = run(songs_root, tmp_path / "without", f"ckpt_path={checkpoint}", "~callbacks.ema", *longer)
    assert "current_model_state" not in without
    assert "averaged weights (EMA) are ignored" in caplog.text
    changes = f"ckpt_path={tmp_path}/without/checkpoints/last.ckpt", "trainer.max_epochs=4", "~callbacks.previews"
    found = run(songs_root, tmp_path / "with", *changes)
    assert found["averaging_state"]["n_averaged"] == 2
    assert "The checkpoint has no averaged weights (EMA)" in caplog.text


def test_last_ckpt_is_the_last_even_if_an_earlier_one_is_best(songs_root, tmp_path):
    last = run(songs_root, tmp_path, "optimizer.lr=0")  # so that nothing gets better after the first epoch
    best = torch.load(tmp_path / "checkpoints" / "best.ckpt", weights_only=True)
    assert (best["global_step"], last["global_step"]) == (2, 4)


def test_a_last_step_inside_an_epoch_is_validated_and_saved(songs_root, tmp_path):
    checkpoint = run(songs_root, tmp_path, "trainer.max_steps=3", "trainer.max_epochs=9")
    assert checkpoint["global_step"] == 3
    assert [row["step"] for row in metrics(tmp_path) if row["val/si_sdr"]] == ["2", "3"]


def test_the_last_step_is_saved_in_an_unvalidated_epoch(songs_root, tmp_path):
    changes = "trainer.max_steps=3", "trainer.max_epochs=9", "trainer.check_val_every_n_epoch=5"
    assert run(songs_root, tmp_path, *changes)["global_step"] == 3
    assert [row["step"] for row in metrics(tmp_path) if row["val/sdr"]] == ["3"]


def test_the_last_epoch_is_always_validated(songs_root, tmp_path):
    run(songs_root, tmp_path, "trainer.max_epochs=3", "trainer.check_val_every_n_epoch=2")
    assert [row["step"] for row in metrics(tmp_path) if row["val/sdr"]] == ["4", "6"]


PLATEAU = ("scheduler=plateau", "scheduler.warmup_steps=1", "scheduler.then.patience=0", "scheduler.then.threshold=99")
STEPS = ("scheduler=step", "scheduler.warmup_steps=2", "scheduler.then.step_size=1")


@pytest.mark.parametrize("schedule", [PLATEAU, STEPS], ids=["plateau", "step"])
@pytest.mark.parametrize("batches", [5, 8])  # inside the second epoch, and after its validation
def test_resume_restores_a_schedule_of_pytorchs(songs_root, tmp_path, schedule, batches):
    longer = *schedule, "trainer.max_epochs=3", "callbacks.last_checkpoint.every_minutes=0", *BARE
    expected = run(songs_root, tmp_path / "whole", *longer)
    recorded(songs_root, tmp_path / "parts", *longer, batches=batches)
    found = run(songs_root, tmp_path / "parts", *longer, f"ckpt_path={tmp_path}/parts/checkpoints/last.ckpt")
    for entry in ("state_dict", "optimizer_states"):
        torch.testing.assert_close(found[entry], expected[entry], rtol=0, atol=0)
    assert found["lr_schedulers"] == expected["lr_schedulers"]
    assert expected["optimizer_states"][0]["param_groups"][0]["lr"] < 5e-4  # it fell


def test_muon_resumes_bit_for_bit(songs_root, tmp_path):
    longer = "optimizer=muon", "callbacks.last_checkpoint.every_minutes=0", *BARE
    expected = run(songs_root, tmp_path / "whole", *longer)
    recorded(songs_root, tmp_path / "parts", *longer, batches=5)  # inside the second epoch
    found = run(songs_root, tmp_path / "parts", *longer, f"ckpt_path={tmp_path}/parts/checkpoints/last.ckpt")
    for entry in ("state_dict", "optimizer_states"):
        torch.testing.assert_close(found[entry], expected[entry], rtol=0, atol=0)


def test_a_run_cannot_resume_with_another_optimiser(songs_root, tmp_path, uninterrupted, capsys):
    with pytest.raises(SystemExit) as ended:
        run(songs_root, tmp_path, f"ckpt_path={uninterrupted}/checkpoints/last.ckpt", "optimizer=muon")
    assert ended.value.code == 2
    message = " ".join(capsys.readouterr().err.split())
    assert "is of another optimiser: it has 2 groups of parameters, and this one 3" in message


EACH_STEP = ("callbacks.last_checkpoint.every_minutes=0",)
BARE = ("~callbacks.previews", "~callbacks.curves", "~callbacks.report", "~callbacks.progress")
STEADY = ("scheduler.warmup_steps=0", "scheduler.final=1", "trainer.max_epochs=-1")  # at any number of steps


def assert_same_training(songs_root: Path, folder: Path, whole: tuple[str, ...], parts: list[Any]) -> None:
    """Compare a run with one in parts: (overrides, batches until the interruption)."""
    expected = recorded(songs_root, folder / "whole", *whole, *BARE)
    seen, checkpoint = [], ""
    for overrides, batches in parts:
        changes = *overrides, *BARE, f"ckpt_path={checkpoint or 'null'}"
        seen += recorded(songs_root, folder / "parts", *changes, batches=batches)
        checkpoint = f"{folder}/parts/checkpoints/last.ckpt"
    assert len(seen) == len(expected)
    assert all(torch.equal(*pair) for pair in zip(seen, expected, strict=True))
    whole_run, in_parts = (last_checkpoint(folder / name) for name in ("whole", "parts"))
    for kind in WEIGHTS:
        assert all(torch.equal(in_parts[kind][name], weight) for name, weight in whole_run[kind].items())


@pytest.mark.parametrize(("workers", "accumulated", "batches"), [(0, 1, 4), (0, 2, 6), (1, 1, 7), (2, 1, 1), (2, 2, 2)])
def test_resume_continues_with_the_next_excerpt(songs_root, tmp_path, workers, accumulated, batches):
    changes = *EACH_STEP, f"data.num_workers={workers}", f"trainer.accumulate_grad_batches={accumulated}"
    assert_same_training(songs_root, tmp_path, changes, [(changes, batches), (changes, None)])


@pytest.mark.parametrize("first", [3, 4])  # steps of one batch: inside the first epoch, and at its end
@pytest.mark.parametrize("validated_every", [1, 5])
def test_a_finished_run_can_be_made_longer(songs_root, tmp_path, first, validated_every):
    changes = *STEADY, "trainer.accumulate_grad_batches=1", f"trainer.check_val_every_n_epoch={validated_every}"
    parts = [((*changes, f"trainer.max_steps={steps}"), None) for steps in (first, 10)]
    assert_same_training(songs_root, tmp_path, parts[-1][0], parts)


def test_a_run_can_be_cut_twice_in_one_epoch(songs_root, tmp_path):
    changes = *EACH_STEP, "trainer.accumulate_grad_batches=1"
    assert_same_training(songs_root, tmp_path, changes, [(changes, 5), (changes, 2), (changes, None)])


def test_a_checkpoint_of_an_epochs_end_skips_nothing(songs_root, tmp_path):
    changes = "data.num_workers=2", "trainer.max_epochs=3"
    assert_same_training(songs_root, tmp_path, changes, [(changes, 8), (changes, None)])


def test_the_same_batch_is_repeated(songs_root, tmp_path):
    overrides = "debug=overfit_one_batch", "data.epoch_size=${data.batch_size}", "trainer.max_epochs=3"
    seen = recorded(songs_root, tmp_path, *overrides)
    assert len(seen) == 3
    assert all(torch.equal(batch, seen[0]) for batch in seen)
