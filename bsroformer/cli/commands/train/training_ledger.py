"""The ledger of a training: its data, and the weights that it starts from."""

from rich.console import Console

from bsroformer.checkpoints import Checkpoint, open_checkpoint
from bsroformer.checkpoints.digest import weights_digest
from bsroformer.checkpoints.ledger import Base, base_of, make_ledger, resumed_ledger
from bsroformer.checkpoints.model_names import public_name
from bsroformer.cli.commands.train.training_run import TrainingRun
from bsroformer.models import SeparationModel
from bsroformer.text import listed
from bsroformer.training.data_ledger import data_sets_of


def base_from(checkpoint: Checkpoint, model: SeparationModel, reference: str) -> Base:
    """Describe the weights of a checkpoint that a training starts from.

    Args:
        checkpoint: The checkpoint.
        model: The model that was built from it.
        reference: Its path or address, as the user typed it.
    """
    return base_of(public_name(reference), weights_digest(model), checkpoint.ledger)


def record_ledger(run: TrainingRun, base: Base | None, checkpoint: str | None) -> None:
    """Let the module write the ledger of a training to its checkpoints.

    Only the first process writes checkpoints, so only it reads the licences.

    Args:
        run: The training.
        base: The weights that it starts from; None for random weights.
        checkpoint: The checkpoint to resume from.
    """
    if not run.is_first_process:
        return
    data, faults = data_sets_of(run.data, run.cfg.data.name, run.cfg.data.license)
    if faults:
        _report_faults(faults, run.console)
    ledger = make_ledger(data, [base] if base is not None else [])
    if checkpoint is not None:
        ledger = resumed_ledger(open_checkpoint(checkpoint).ledger, ledger, public_name(checkpoint))
    run.module.ledger = ledger


def _report_faults(faults: list[str], console: Console) -> None:
    shown = listed([fault.rstrip(".") for fault in faults], separator="; ", last="; and ")
    console.print(f"Licences that could not be read are unknown: {shown}", style="yellow")
