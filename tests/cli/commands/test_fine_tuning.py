"""Fine-tuning from the command line: what is trained, saved and refused."""

from pathlib import Path

import pytest
import torch

from bsroformer import load_model
from bsroformer.checkpoints import open_checkpoint
from bsroformer.checkpoints.adapter import AdapterCheckpoint
from bsroformer.checkpoints.save import save_model
from bsroformer.cli.commands.train import adaptation, build
from bsroformer.cli.commands.train.adaptation import start_and_adapt, with_model_of_init
from bsroformer.cli.commands.train.memory import estimator, training_plan
from bsroformer.cli.console import terminal
from bsroformer.errors import InputError
from bsroformer.hardware import GIB
from bsroformer.models.registry import build_model
from bsroformer.training.callbacks.early_stopping import EarlyStop
from support.launched import SMALL_RUN, composed, launch

pytestmark = [
    pytest.mark.usefixtures("without_pictures"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec"),
]
QUIET = ("~callbacks.previews", "~callbacks.report", "~callbacks.progress")
PUBLIC_160M = (
    "model=paper",
    "model.stems=[vocals]",
    "model.trunk.dim=512",
    "model.trunk.depth=12",
    "model.trunk.dim_head=64",
    "scheduler=warmup_cosine",
)


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """The file of a small model with random weights."""
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("base") / "base.safetensors"
    save_model(build_model(composed("train", *SMALL_RUN).settings), path)
    return path


@pytest.fixture(scope="module")
def run(base, songs_root, tmp_path_factory) -> Path:
    """The folder of a run that trained low-rank updates of attention."""
    folder = tmp_path_factory.mktemp("run")
    fine_tune(base, songs_root, folder, "lora.layers=[attention]", "optimizer.lr=0.1")
    return folder


def fine_tune(base: Path, songs_root: Path, folder: Path, *overrides: str) -> None:
    data = [each for each in SMALL_RUN if each.startswith("data")]
    launch(
        "train",
        "experiment=finetune",
        *data,
        *QUIET,
        f"data.root={songs_root}",
        f"init_from={base}",
        f"paths.output_dir={folder}",
        "trainer=cpu",
        "trainer.precision=32-true",
        "trainer.max_steps=2",
        "logger=none",
        *overrides,
    )


def test_a_run_saves_trained_weights_only(run, base):
    for name in ("best.ckpt", "last.ckpt"):
        saved = torch.load(run / "checkpoints" / name, weights_only=True)
        for entry in ("state_dict", "current_model_state"):
            assert saved[entry] and all("lora" in weight for weight in saved[entry])
    alone = run / "checkpoints" / "adapter.safetensors"
    assert alone.stat().st_size < base.stat().st_size / 5


def test_the_result_differs_from_its_base_in_attention(run, base):
    tuned = load_model(run).state_dict()
    for name, weight in load_model(base).state_dict().items():
        changed = not torch.equal(tuned[name], weight)
        assert changed == name.endswith(("to_qkv.weight", "to_out.weight")), name


def test_best_checkpoint_and_adapter_hold_the_same_model(run):
    one = load_model(run / "checkpoints" / "best.ckpt").state_dict()
    other = load_model(run / "checkpoints" / "adapter.safetensors").state_dict()
    torch.testing.assert_close(dict(one), dict(other), rtol=0, atol=0)


def test_the_model_is_that_of_init_from(run, base):
    assert load_model(run).settings.leaves() == load_model(base).settings.leaves()
    text = (run / "config.yaml").read_text()
    assert "model_of_init: false" in text and "dim: 8" in text


def test_merging_writes_a_whole_model(run, base, tmp_path, capsys):
    adapter = run / "checkpoints" / "adapter.safetensors"
    for name in ("merged.safetensors", "merged.ckpt"):
        launch("checkpoint", "action=merge", f"ckpt={adapter}", f"base={base}", f"output={tmp_path / name}")
        assert "is the whole model" in capsys.readouterr().out
        opened = open_checkpoint(tmp_path / name)
        assert not isinstance(opened, AdapterCheckpoint)
        expected = load_model(adapter).state_dict()
        torch.testing.assert_close(dict(opened.model().state_dict()), dict(expected), rtol=0, atol=0)


def test_a_whole_model_cannot_be_merged(base, tmp_path, capsys):
    with pytest.raises(SystemExit):
        launch("checkpoint", "action=merge", f"ckpt={base}", f"output={tmp_path / 'merged.ckpt'}")
    assert "is a whole model, with nothing to merge; give an adapter as ckpt=" in capsys.readouterr().err


def test_an_adapter_is_inspected_without_its_base(run, base, capsys):
    moved = run / "moved.safetensors"
    moved.write_bytes((run / "checkpoints" / "adapter.safetensors").read_bytes())
    launch("checkpoint", "action=inspect", f"ckpt={moved}")
    printed = " ".join(capsys.readouterr().out.split())
    assert "LoRA of rank 16, alpha 32, in attention" in printed and f"base {base}, weights" in printed


def test_songs_are_separated_by_adapter_and_base(run, base, songs_root, tmp_path):
    adapter = run / "checkpoints" / "adapter.safetensors"
    song = songs_root / "test" / "D" / "vocals.wav"
    launch("separate", f"ckpt={adapter}", f"base={base}", f"input={song}", f"output={tmp_path}", "device=cpu")
    assert len(list(tmp_path.rglob("*.wav"))) == 4


def test_chosen_parts_are_trained(base, songs_root, tmp_path):
    fine_tune(base, songs_root, tmp_path, "lora.rank=null", "train_only=[masks]", "lr_factors={masks: 2}")
    tuned = load_model(tmp_path).state_dict()
    for name, weight in load_model(base).state_dict().items():
        assert torch.equal(tuned[name], weight) != name.startswith("mask_estimators."), name


def test_all_weights_can_be_trained(base, songs_root, tmp_path):
    fine_tune(base, songs_root, tmp_path, "lora.rank=null")
    assert not isinstance(open_checkpoint(tmp_path), AdapterCheckpoint)


def refused(base: Path | None, *overrides: str) -> str:
    """The message of a fine-tuning that cannot start."""
    given = [] if base is None else [f"init_from={base}"]
    cfg = composed("train", *SMALL_RUN, *given, *overrides)
    with pytest.raises(InputError) as error:
        cfg = with_model_of_init(cfg, terminal())
        start_and_adapt(cfg, build.build_model(cfg), terminal())
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["experiment=finetune"], "give init_from=model.ckpt, or choose a model with model=..."),
        (["lora.rank=4"], "lora.rank keeps weights of a trained model; give it as init_from=model.ckpt"),
        (["train_only=[masks]"], "train_only=['masks'] keeps weights of a trained model"),
    ],
)
def test_a_missing_base_is_asked_for(overrides, message):
    assert message in refused(None, *overrides)


def test_keys_of_the_model_on_the_command_line_stay(base, monkeypatch):
    given = [f"init_from={base}", "experiment=finetune", "model.stems=[vocals]"]
    cfg = composed("train", *SMALL_RUN, *given)
    monkeypatch.setattr(adaptation, "command_line", lambda: given)
    changed = with_model_of_init(cfg, terminal())
    assert changed.settings.stems == ("vocals",)
    assert changed.settings.trunk == load_model(base).settings.trunk
    monkeypatch.setattr(adaptation, "command_line", lambda: [*given, "model=lite"])
    assert with_model_of_init(cfg, terminal()).model == cfg.model


def test_unknown_parts_and_layers_are_refused(base):
    assert "train_only names 'mask', and the parts of this model are band_split, trunk, masks" in refused(
        base, "train_only=[mask]"
    )
    assert "lora.layers names 'mlp', and the layers with updates of this model are attention, feed_forward" in refused(
        base, "lora.rank=2", "lora.layers=[mlp]"
    )


def test_masks_of_new_stems_must_be_trained(base):
    message = refused(base, "lora.rank=2", "model.stems=[vocals,other]")
    assert "masks start with random weights and must be trained; add them to train_only=[masks]" in message
    cfg = composed(
        "train", *SMALL_RUN, f"init_from={base}", "lora.rank=2", "model.stems=[vocals,other]", "train_only=[masks]"
    )
    start_and_adapt(cfg, build.build_model(cfg), terminal())


def test_averages_of_updates_are_refused(base, songs_root, tmp_path, capsys):
    with pytest.raises(SystemExit):
        fine_tune(base, songs_root, tmp_path, "average_best=3")
    assert "average_best=3 cannot be used with lora or train_only" in capsys.readouterr().err


def test_early_stopping_is_one_key(tmp_path):
    cfg = composed("train", *SMALL_RUN, "early_stopping=3", f"paths.output_dir={tmp_path}")
    [stop] = [each for each in build.build_trainer(cfg).callbacks if isinstance(each, EarlyStop)]
    assert (stop.patience, stop.monitor, stop.mode) == (3, "val/sdr", "max")
    both = composed("train", *SMALL_RUN, "early_stopping=3", "callbacks=[default,early_stopping]")
    with pytest.raises(InputError, match=r"early_stopping=3 and callbacks\.early_stopping are both set"):
        build.build_trainer(both)


def test_a_public_model_of_160m_fits_4_gb_with_lora():
    cfg = composed("check_gpu", "experiment=finetune", "trainer=rtx3050", "data.seconds=6", "memory_gb=4", *PUBLIC_160M)
    plan = training_plan(cfg)
    found = estimator(cfg)(plan)
    assert plan.batch_size == 1 and plan.seconds == 6
    assert found.total <= 4 * GIB
    assert found.gradients == found.average == found.optimizer // 2 < found.weights / 20


def test_settings_of_an_adapter_are_those_of_the_run(run):
    opened = open_checkpoint(run)
    assert isinstance(opened, AdapterCheckpoint)
    assert str(opened.adaptation) == "LoRA of rank 16, alpha 32, in attention"
