import shutil
from pathlib import Path

import pytest
import yaml

from bsroformer.cli.commands.train.command import train
from bsroformer.cli.commands.train.resume.resolution import changed, resolve_resume, run_config
from bsroformer.cli.console import terminal
from bsroformer.cli.resolved_config import CONFIG_FILE, save_config
from bsroformer.errors import InputError
from bsroformer.run_folder import LAST, PREVIOUS
from support.launched import SMALL_RUN, composed, launch

pytestmark = [
    pytest.mark.usefixtures("without_pictures"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec"),
]


@pytest.fixture(scope="module")
def run_folder(songs_root, tmp_path_factory) -> Path:
    """A training of two steps, with a checkpoint of each."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    changes = f"data.root={songs_root}", f"paths.output_dir={folder}", "callbacks.last_checkpoint.every_minutes=0"
    launch("train", *SMALL_RUN, *changes, "~callbacks.previews", "~callbacks.curves")
    return folder


def resumed(folder: Path, *overrides: str) -> dict:
    """The resolved configuration of a training that only names its run."""
    return resolve_resume(composed("train", f"resume={folder}", *overrides), terminal()).tree


def test_a_run_resumes_with_its_configuration(run_folder):
    found = resumed(run_folder)
    expected = run_config(run_folder)
    assert found.pop("ckpt_path") == f"{run_folder}/checkpoints/{LAST}"
    expected.pop("ckpt_path")
    assert found == expected
    assert found["model"]["trunk"]["dim"] == 8


def test_a_moved_run_resumes_in_its_new_folder(run_folder, tmp_path):
    moved = run_folder.rename(tmp_path / "elsewhere")
    try:
        found = resumed(moved)
    finally:
        moved.rename(run_folder)
    assert found["paths"]["output_dir"] == str(moved)
    assert str(run_folder) not in str(found)


def test_a_run_cannot_name_the_folder_of_all_runs(run_folder, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run_folder, copy)
    path = copy / CONFIG_FILE
    tree = yaml.safe_load(path.read_text())
    tree["paths"]["runs_dir"] = str(tmp_path)
    path.write_text(yaml.safe_dump(tree))
    assert resumed(copy)["paths"]["runs_dir"] == "runs"


def test_a_checkpoint_of_a_run_names_the_run(run_folder):
    for path, expected in (
        (run_folder / "checkpoints" / LAST, LAST),
        (run_folder / "checkpoints" / PREVIOUS, PREVIOUS),
        (run_folder / "checkpoints", LAST),
    ):
        found = resumed(path)
        assert found["paths"]["output_dir"] == str(run_folder)
        assert found["ckpt_path"] == f"{run_folder}/checkpoints/{expected}"


def test_a_checkpoint_outside_of_a_run_is_not_resumed_as_one(run_folder, tmp_path):
    shutil.copy(run_folder / "checkpoints" / LAST, tmp_path / "mine.ckpt")
    with pytest.raises(InputError, match=r"mine.ckpt is not among .*; ckpt_path=.*mine.ckpt resumes from it"):
        resumed(tmp_path / "mine.ckpt")


def test_the_folder_of_a_run_may_be_named_by_every_key(run_folder, tmp_path, capsys):
    given = [f"{key}={run_folder}" for key in ("ckpt_path", "init_from")]
    cfg = composed("train", *given, f"paths.output_dir={tmp_path}")
    assert resolve_resume(cfg, terminal()).ckpt_path == run_folder / "checkpoints" / LAST
    assert cfg.init_from == f"{run_folder}/checkpoints/best.ckpt"
    assert "using checkpoints/best.ckpt" in " ".join(capsys.readouterr().out.split())
    assert composed("separate", f"ckpt=[{run_folder}]", "input=x").ckpt == [f"{run_folder}/checkpoints/best.ckpt"]


@pytest.mark.parametrize("left", [PREVIOUS, "best.ckpt", "candidates/step-000001.ckpt"])
@pytest.mark.parametrize("resume", ["null", "auto"])
def test_what_a_killed_training_left_is_not_replaced(run_folder, tmp_path, left, resume):
    path = tmp_path / "checkpoints" / left
    path.parent.mkdir(parents=True)
    shutil.copy(run_folder / "checkpoints" / "best.ckpt", path)
    cfg = composed("train", f"resume={resume}", f"paths.output_dir={tmp_path}")
    if left == PREVIOUS and resume == "auto":
        shutil.copy(run_folder / CONFIG_FILE, tmp_path / CONFIG_FILE)
        assert resolve_resume(cfg, terminal()).ckpt_path == path
        return
    held = "holds a training already" if left == PREVIOUS else f"holds {path.name} of a training"
    with pytest.raises(InputError, match=held):
        resolve_resume(cfg, terminal())


def test_a_torn_checkpoint_is_skipped_with_a_message(run_folder, capsys):
    last = run_folder / "checkpoints" / LAST
    content = last.read_bytes()
    last.write_bytes(content[: len(content) // 2])
    try:
        found = resumed(run_folder)
    finally:
        last.write_bytes(content)
    assert found["ckpt_path"] == f"{run_folder}/checkpoints/{PREVIOUS}"
    assert f"{last} is damaged" in capsys.readouterr().out


def test_auto_resumes_a_run_or_starts_one(run_folder, tmp_path):
    def with_auto(folder: Path) -> dict:
        cfg = composed("train", "resume=auto", f"paths.output_dir={folder}")
        return resolve_resume(cfg, terminal()).tree

    assert with_auto(run_folder)["ckpt_path"] == f"{run_folder}/checkpoints/{LAST}"
    assert with_auto(tmp_path)["ckpt_path"] is None


def test_a_job_that_slurm_requeues_resumes(run_folder, monkeypatch):
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    cfg = composed("train", f"paths.output_dir={run_folder}")
    assert resolve_resume(cfg, terminal()).ckpt_path == run_folder / "checkpoints" / LAST


def test_the_command_line_changes_a_resumed_run(run_folder):
    given = [
        f"resume={run_folder}",
        "trainer.max_steps=7",
        "loss=multi_resolution",
        "+trainer.benchmark=true",
        "data.valid_per_song=all",
        "~callbacks.batch_seeds",
    ]
    found = changed(run_config(run_folder), composed("train", *given), given)
    assert found["trainer"]["max_steps"] == 7
    assert found["trainer"]["precision"] == "32-true"  # the run's own
    assert found["trainer"]["benchmark"] is True
    assert found["loss"]["_target_"] == "bsroformer.losses.MultiResolutionLoss"
    assert found["data"]["valid_per_song"] == "all"
    assert "batch_seeds" not in found["callbacks"]


def test_what_follows_a_key_follows_it_here_too(run_folder):
    given = [f"resume={run_folder}", "ema_half_life=7", "average_best=2", "seed=3"]
    callbacks = changed(run_config(run_folder), composed("train", *given), given)["callbacks"]
    assert callbacks["ema"]["half_life"] == 7
    assert callbacks["candidates"]["count"] == 2
    assert callbacks["batch_seeds"]["seed"] == 3


def test_a_checkpoint_beside_a_run_is_refused(run_folder):
    with pytest.raises(InputError, match=r"finds its checkpoint itself; remove ckpt_path=a.ckpt"):
        resumed(run_folder, "ckpt_path=a.ckpt")


def test_a_resumed_run_takes_no_experiment(run_folder):
    given = [f"resume={run_folder}", "experiment=demo"]
    with pytest.raises(InputError, match=r"experiment=demo sets many keys, which a resumed run does not accept"):
        changed(run_config(run_folder), composed("train", *given), given)


def test_another_model_is_refused(songs_root, run_folder):
    cfg = composed("train", f"resume={run_folder}")
    config = run_folder / CONFIG_FILE
    text = config.read_text()
    config.write_text(text.replace("dim: 8", "dim: 16"))
    try:
        with pytest.raises(InputError) as refused:
            train(cfg)
    finally:
        config.write_text(text)
    printed = str(refused.value)
    assert "a run resumes with its own model, so start another from its weights with init_from" in printed
    assert "model.trunk" in printed


def test_a_new_run_does_not_replace_an_old_one(run_folder):
    cfg = composed("train", f"paths.output_dir={run_folder}")
    with pytest.raises(
        InputError, match=r"holds a training already; resume=.* resumes it, or start a new one in another folder"
    ):
        resolve_resume(cfg, terminal())


def test_two_folders_are_refused(run_folder, tmp_path):
    with pytest.raises(InputError, match=r"resume=.* resumes in that folder, and paths.output_dir=.* names another"):
        resumed(run_folder, f"paths.output_dir={tmp_path}")


@pytest.mark.parametrize(
    ("made", "printed"),
    [
        ({}, r"holds no checkpoint to resume from; give the folder of a run"),
        ({f"checkpoints/{LAST}": "no checkpoint"}, r"holds no checkpoint to resume from"),
    ],
)
def test_a_folder_without_a_good_checkpoint_is_refused(tmp_path, made, printed):
    for name, content in made.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=printed):
        resumed(tmp_path)


@pytest.mark.parametrize(
    ("content", "printed"),
    [
        (None, r"has checkpoints, but no config.yaml"),
        ("a: [", r"config.yaml cannot be read"),
        ("a: 1", r"config.yaml is not the configuration of a training"),
    ],
)
def test_a_run_without_its_configuration_is_refused(tmp_path, content, printed):
    if content is not None:
        (tmp_path / CONFIG_FILE).write_text(content)
    with pytest.raises(InputError, match=printed):
        run_config(tmp_path)


def test_a_run_resumes_its_run_of_weights_and_biases(run_folder, monkeypatch):
    for name in ("offline-run-20260101_000000-first", "run-20260102_000000-the-second"):
        (run_folder / "wandb" / name).mkdir(parents=True)
    text = (run_folder / CONFIG_FILE).read_text()
    cfg = composed("train", *SMALL_RUN, "logger=wandb", f"paths.output_dir={run_folder}")
    save_config(cfg.tree, run_folder)
    try:
        logger = resumed(run_folder)["logger"]
    finally:
        (run_folder / CONFIG_FILE).write_text(text)
    assert (logger["id"], logger["resume"]) == ("the-second", "allow")


def test_songs_packed_since_are_reported(songs_root, tmp_path, capsys):
    """Silent regions are known then, and excerpts start elsewhere."""
    small = *SMALL_RUN, f"data.root={songs_root}", f"data.pack={tmp_path}/pack", f"paths.output_dir={tmp_path}/run"
    small = *small, "~callbacks.previews", "~callbacks.report"
    launch("train", *small, "trainer.max_steps=1")
    launch("train", *small, f"resume={tmp_path}/run", "trainer.max_steps=2")
    assert "or was packed" not in capsys.readouterr().out
    launch("prepare", "data=folder", "data.valid_songs=[B]", *small[-5:-3])
    launch("train", *small, f"resume={tmp_path}/run")
    assert "or was packed, so that its silent regions are known" in capsys.readouterr().out
