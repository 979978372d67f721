"""A second architecture, registered here, runs every command or is refused."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml
from hydra import compose, initialize_config_dir

from bsroformer import ModelSettings, Separator, load_model
from bsroformer.cli.commands.checkpoint.command import checkpoint
from bsroformer.cli.commands.separate.command import separate
from bsroformer.cli.commands.train.command import train
from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.cli.validation import configuration, prepared
from bsroformer.errors import InputError
from support import mask_net
from support.launched import CONFIGS, SMALL_RUN, composed, launch
from support.mask_net import MaskNet

SMALL_TRAINING = [override for override in SMALL_RUN if not override.startswith("model")]
pytestmark = [
    pytest.mark.usefixtures("architecture", "without_pictures"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore:.*LeafSpec"),
]


@pytest.fixture(scope="module")
def architecture() -> Iterator[None]:
    with mask_net.registered():
        yield


@pytest.fixture(scope="module")
def configs(tmp_path_factory) -> Path:
    """Config folder of a user with ``model/mask_net.yaml``."""
    folder = tmp_path_factory.mktemp("configs")
    (folder / "model").mkdir()
    (folder / "model" / "mask_net.yaml").write_text(mask_net.CONFIG)
    return folder


@pytest.fixture(scope="module")
def run(architecture, configs, songs_root, tmp_path_factory) -> Path:
    """The folder of a training of two steps."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("here"))
        train(training(configs, f"data.root={songs_root}", f"paths.output_dir={folder}"))
    return folder


def training(configs: Path, *overrides: str) -> TrainConfig:
    """Compose the settings of ``train`` with a user's config folder."""
    added = f"hydra.searchpath=[file://{configs}]"
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        tree = compose("train", overrides=[added, *SMALL_TRAINING, "model=mask_net", *overrides])
    return prepared(configuration("train", tree))


def refusal(command, cfg) -> str:
    """Return the sentence with which a command refuses a configuration."""
    with pytest.raises(InputError) as refused:
        command(cfg)
    return str(refused.value)


def test_it_trains_and_its_checkpoint_is_loaded(run):
    model = load_model(run)
    assert isinstance(model, MaskNet)
    assert model.settings.hidden == 8
    assert model.stems == ("vocals", "drums", "bass", "other")
    assert yaml.safe_load((run / "config.yaml").read_text())["model"]["architecture"] == "mask_net"


def test_its_training_resumes(run, script):
    status, printed = script("train", f"resume={run}", "trainer.max_steps=3")
    assert status == 0, printed
    assert "Resuming from step 2" in " ".join(printed.split())
    assert torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 3


def test_weights_of_another_architecture_are_refused(run, songs_root, tmp_path):
    last = run / "checkpoints" / "last.ckpt"
    cfg = composed("train", *SMALL_RUN, f"data.root={songs_root}", f"ckpt_path={last}", f"paths.output_dir={tmp_path}")
    assert "model.architecture is bs_roformer, and mask_net in" in refusal(train, cfg)
    started = composed(
        "train", *SMALL_RUN, f"data.root={songs_root}", f"init_from={run}", f"paths.output_dir={tmp_path}"
    )
    assert "model.architecture is bs_roformer, and there mask_net" in refusal(train, started)


def test_its_checkpoint_is_inspected_and_written_as_a_config(run, tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    launch("checkpoint", f"ckpt={run}", f"output={path}")
    printed = " ".join(capsys.readouterr().out.split())
    assert "model mask_net" in printed
    assert "n_fft 512, hop_length 128, hidden 8" in printed
    assert "masks" in printed
    assert yaml.safe_load(path.read_text())["architecture"] == "mask_net"


def test_its_checkpoint_is_converted_stripped_and_averaged(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weights = load_model(run).state_dict()
    best = run / "checkpoints" / "best.ckpt"
    launch("checkpoint", "action=convert", f"ckpt={best}", "output=one.safetensors")
    launch("checkpoint", "action=strip", f"ckpt={best}", "output=small.ckpt")
    launch("checkpoint", "action=average", "ckpt=[one.safetensors,small.ckpt]", "output=mean.ckpt")
    for name in ("one.safetensors", "small.ckpt", "mean.ckpt"):
        torch.testing.assert_close(load_model(name).state_dict(), weights, rtol=0, atol=0)


def test_export_is_refused_without_a_public_layout(run, tmp_path):
    cfg = composed("checkpoint", "action=export", f"ckpt={run}", f"output={tmp_path / 'public.ckpt'}")
    assert "architecture mask_net has no public layout to export to" in refusal(checkpoint, cfg)
    assert not list(tmp_path.iterdir())


def test_it_separates_a_file_and_some_of_its_stems(run, tmp_path):
    song = tmp_path / "song.wav"
    soundfile.write(song, np.random.default_rng(0).normal(0, 0.1, (20_000, 2)), 44_100)
    common = f"ckpt={run}", f"input={song}", "device=cpu", "precision=fp32"
    launch("separate", *common, f"output={tmp_path / 'all'}")
    launch("separate", *common, f"output={tmp_path / 'some'}", "stems=[bass]")
    [every] = (tmp_path / "all").rglob("bass.wav")
    [alone] = (tmp_path / "some").rglob("bass.wav")
    assert len(list(every.parent.glob("*.wav"))) == 4
    assert np.array_equal(soundfile.read(every)[0], soundfile.read(alone)[0])


def test_stems_without_the_ability_are_picked_in_order():
    model = mask_net.small()
    mixture = torch.randn(2, 2000)
    both = Separator(model, device="cpu", precision="fp32")(mixture)
    swapped = Separator(model, ["other", "vocals"], device="cpu", precision="fp32")
    assert swapped.stems == ("other", "vocals")
    torch.testing.assert_close(swapped(mixture), both.flip(0), rtol=0, atol=0)


def test_openvino_is_refused_and_auto_chooses_pytorch(run, tmp_path):
    song = tmp_path / "song.wav"
    soundfile.write(song, np.zeros((20_000, 2)), 44_100)
    cfg = composed("separate", f"ckpt={run}", f"input={song}", f"output={tmp_path / 'out'}", "engine=openvino")
    assert "engine=openvino cannot compute models of architecture mask_net; use engine=torch" in refusal(separate, cfg)
    separator = Separator(mask_net.small(), device="cpu", engine="auto")
    assert separator.engine_choice == "engine=auto: PyTorch, which alone computes models of architecture mask_net"


def test_compiling_and_recomputing_are_refused_as_keys(configs, songs_root, tmp_path):
    common = f"data.root={songs_root}", f"paths.output_dir={tmp_path / 'run'}"
    for key in ("compile", "activation_checkpointing"):
        error = refusal(train, training(configs, *common, f"{key}=true"))
        assert f"{key}=true cannot be used with" in error
        assert f"{key}=false" in error


def test_it_is_evaluated(run, songs_root, tmp_path):
    common = "data=folder", f"data.root={songs_root}", "metrics=[SI-SDR]", "bounds=[]", "device=cpu"
    launch("eval", *common, f"ckpt={run}", f"output={tmp_path / 'scores'}")
    assert "vocals" in (tmp_path / "scores" / "results.json").read_text()


def test_its_memory_is_counted_without_computing(script, configs):
    small = "data.seconds=0.1", "data.batch_size=2", "memory_gb=4"
    status, printed = script("check_gpu", "--config-dir", str(configs), "model=mask_net", *small)
    assert status == 0, printed
    assert "activations for the backward pass" in printed
    assert "It fits" in printed


def test_settings_of_an_unknown_architecture_are_refused():
    with pytest.raises(ValueError, match=r"model has architecture=os; it must be one of bs_roformer, mask_net"):
        ModelSettings.from_dict(mask_net.tree(architecture="os"))
