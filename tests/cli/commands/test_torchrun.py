import pytest
from torch.distributed import TCPStore

from bsroformer.cli.commands.train.build import build_trainer
from bsroformer.cli.torchrun import check_processes, in_one_folder
from bsroformer.errors import InputError
from support.launched import composed

ARGUMENTS = ["trainer=ddp", "model=tiny"]


@pytest.fixture
def torchrun(monkeypatch) -> TCPStore:
    """As in a process that torchrun started, 2 on each of 2 machines."""
    store = TCPStore("localhost", 0, is_master=True, wait_for_workers=False)
    counts = {"LOCAL_WORLD_SIZE": "2", "WORLD_SIZE": "4", "TORCHELASTIC_USE_AGENT_STORE": "True"}
    place = {"TORCHELASTIC_RUN_ID": "x", "MASTER_ADDR": "localhost", "MASTER_PORT": str(store.port)}
    for name, value in (counts | place).items():
        monkeypatch.setenv(name, value)
    return store


def test_without_torchrun_the_command_line_stays():
    assert in_one_folder(ARGUMENTS) == ARGUMENTS


def test_the_processes_of_torchrun_agree_on_a_folder(torchrun):
    first = in_one_folder(ARGUMENTS)
    second = in_one_folder(ARGUMENTS)
    assert first == second
    assert first[:-1] == ARGUMENTS
    folder = composed("train", *first).paths.output_dir
    assert str(folder).startswith("runs/train/2") and folder == composed("train", *second).paths.output_dir


@pytest.mark.parametrize("given", ["paths.output_dir=out", "resume=runs/train/x"])
def test_a_folder_that_is_named_stays(torchrun, given):
    assert in_one_folder([*ARGUMENTS, given]) == [*ARGUMENTS, given]


@pytest.mark.parametrize("given", ["resume=auto", "resume=null"])
def test_a_run_that_may_go_on_needs_a_name_all_the_same(torchrun, given):
    assert in_one_folder([*ARGUMENTS, given])[-1].startswith("paths.output_dir=")


def test_a_torchrun_without_a_store_is_refused(torchrun, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_USE_AGENT_STORE", "False")
    with pytest.raises(InputError, match=r"name the run's folder with paths\.output_dir="):
        in_one_folder(ARGUMENTS)


@pytest.mark.parametrize(("devices", "machines"), [(1, 2), (2, 1), (4, 1)])
def test_a_trainer_of_other_processes_than_torchruns_is_refused(torchrun, devices, machines):
    with pytest.raises(InputError, match=r"set trainer=ddp trainer\.devices=2 trainer\.num_nodes=2"):
        check_processes(devices, machines)


@pytest.mark.parametrize("devices", [2, "2", -1, "auto"])
def test_a_trainer_of_torchruns_processes_is_not(torchrun, devices):
    check_processes(devices, 2)


def test_a_process_of_lightning_writes_into_hydras_folder(tmp_path, monkeypatch):
    """Lightning gives it the folder of the process that started it as `hydra.run.dir`."""
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    hydra = {"mode": "RUN", "runtime": {"output_dir": str(tmp_path)}}
    monkeypatch.setattr(HydraConfig, "initialized", lambda: True)
    monkeypatch.setattr(HydraConfig, "get", lambda: OmegaConf.create(hydra))
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert composed("train").paths.output_dir == tmp_path
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert composed("train").paths.output_dir != tmp_path


def test_all_devices_of_a_cpu_are_refused():
    with pytest.raises(InputError, match=r"trainer\.devices=-1 counts GPUs.*set trainer\.devices to a number"):
        build_trainer(composed("train", "trainer=ddp", "trainer.accelerator=cpu", "logger=none"))


@pytest.mark.parametrize(
    ("overrides", "accumulated"),
    [
        ((), 4),
        (("trainer.devices=2",), 2),
        (("trainer.devices=4",), 1),
        (("trainer.devices=[0,1]",), 2),
        (("trainer.devices=8",), 1),
        (("trainer.devices=2", "trainer.num_nodes=2"), 1),
        (("trainer.devices=2", "data.batch_size=1"), 8),
        (("trainer.devices=3", "data.batch_size=2"), 3),  # 18 excerpts, the nearest
        (("trainer.devices=2", "trainer.accumulate_grad_batches=5"), 5),
    ],
)
def test_a_step_of_several_devices_has_16_excerpts_too(overrides, accumulated, monkeypatch):
    monkeypatch.setattr("torch.accelerator.device_count", lambda: 1)
    assert composed("train", "trainer=ddp", *overrides).trainer.accumulate_grad_batches == accumulated
