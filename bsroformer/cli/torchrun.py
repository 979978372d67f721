"""Processes of torchrun: they agree on one run folder."""

import os
from collections.abc import Sequence
from datetime import datetime

from bsroformer.errors import InputError

KEY = "bsroformer/run"
"""Of the run's name in the store of torchrun."""


def in_one_folder(arguments: Sequence[str]) -> list[str]:
    """Add the run's folder to the command line, where torchrun started this process.

    Each of its processes composes the configuration on its own, and would name the run by its own clock. When torchrun
    restarts them after a failure, they resume under the same name.

    Raises:
        InputError: If torchrun has no store that its processes share.
    """
    if not by_torchrun() or named(arguments):
        return list(arguments)
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        raise InputError("this torchrun has no store for its processes; name the run's folder with paths.output_dir=")
    return [*arguments, f"paths.output_dir='${{paths.runs_dir}}/${{task}}/{agreed_name()}'"]


def by_torchrun() -> bool:
    """Return whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def check_processes(devices: object, machines: object) -> None:
    """Check that torchrun started the processes that the trainer expects.

    Raises:
        InputError: If torchrun started others.
    """
    if not by_torchrun():
        return
    here = int(os.environ["LOCAL_WORLD_SIZE"])
    everywhere = int(os.environ["WORLD_SIZE"])
    nodes = everywhere // here
    if str(devices) not in (str(here), "-1", "auto") or str(machines) != str(nodes):
        raise InputError(
            f"torchrun started {everywhere} processes, {here} on this machine; set trainer=ddp "
            f"trainer.devices={here} trainer.num_nodes={nodes}"
        )


def processes(devices: object, machines: object) -> int:
    """Count the processes of a trainer's ``devices`` and ``num_nodes``.

    Returns 1 where the count cannot be determined yet.
    """
    if by_torchrun():
        return int(os.environ["WORLD_SIZE"])
    if str(devices) in ("-1", "auto"):
        import torch  # takes seconds

        here = max(1, torch.accelerator.device_count())
    elif isinstance(devices, int):
        here = max(1, devices)
    else:
        here = len(devices) if isinstance(devices, Sequence) and not isinstance(devices, str) else 1
    return here * machines if isinstance(machines, int) else here


def accumulated_batches(excerpts: int, batch_size: object, devices: object, machines: object) -> int:
    """Count the batches to accumulate for a step of `excerpts` over all processes.

    Rounds to the nearest number.
    """
    if not isinstance(batch_size, int) or batch_size < 1:
        return 1  # reported where batches are made
    return max(1, round(excerpts / (batch_size * processes(devices, machines))))


def named(arguments: Sequence[str]) -> bool:
    """Return whether the command line names the run's folder or a run to resume."""
    given = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    return "paths.output_dir" in given or given.get("resume", "auto") not in ("auto", "null")


def agreed_name() -> str:
    """Return the run's name, which the first process sets for all."""
    from torch.distributed import TCPStore

    store = TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), is_master=False)
    return store.compare_set(KEY, "", f"{datetime.now():%Y-%m-%d_%H-%M-%S-%f}").decode()
