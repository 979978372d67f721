"""Describe a checkpoint, and write its architecture as a model config."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from bsroformer.atomic import write_text
from bsroformer.checkpoints import Checkpoint
from bsroformer.checkpoints.adapter import AdapterCheckpoint
from bsroformer.checkpoints.digest import weights_digest
from bsroformer.checkpoints.hub import sha256_of
from bsroformer.checkpoints.ledger_text import describe_ledger
from bsroformer.checkpoints.parameter_count import parameters_by_part
from bsroformer.checkpoints.save import SOURCE
from bsroformer.errors import InputError
from bsroformer.models.adaptation import Adaptation
from bsroformer.models.empty_model import skeleton
from bsroformer.models.settings import ModelSettings
from bsroformer.text import count, listed

CHANNELS = {1: "mono", 2: "stereo"}
MAX_DIFFERENCES = 20


def print_inspection(checkpoint: Checkpoint, console: Console) -> None:
    """Print a checkpoint's facts, parameters and faults."""
    for name, value in _facts(checkpoint):
        console.print(f"{name:<10}{value}")
    console.print()
    console.print(_parameters(checkpoint.settings))
    if checkpoint.differences:
        source = checkpoint.config.path if checkpoint.config else "a whole model"
        console.print(f"\nIt differs from {source}:", style="red")
        differences = list(map(str, checkpoint.differences))
        lines = listed(differences, MAX_DIFFERENCES, separator="\n  ", last="\n  and ")
        console.print(f"  {lines}")
    elif checkpoint.config:
        console.print(f"\nWeights and {checkpoint.config.path} agree.")


def _facts(checkpoint: Checkpoint) -> Iterator[tuple[str, str]]:
    settings = checkpoint.settings
    path = checkpoint.file.path
    precisions = Counter(str(tensor.dtype).removeprefix("torch.") for tensor in checkpoint.weights.values())
    yield "file", f"{path}, {path.stat().st_size / 1e6:.1f} MB"
    yield "SHA-256", sha256_of(path)
    configured = f", configured by {checkpoint.config.path}" if checkpoint.config else ""
    yield "origin", f"{checkpoint.origin}{configured}"
    source = checkpoint.file.metadata.get(SOURCE)
    if source:
        yield "source", source
    yield "weights", f"{', '.join(precisions)} in {count(len(checkpoint.weights), 'tensor')}"
    if isinstance(checkpoint, AdapterCheckpoint):
        yield from _adapter_facts(checkpoint.adaptation)
    else:
        yield "digest", _digest(checkpoint)
    yield "stems", ", ".join(settings.stems)
    channels = CHANNELS.get(settings.channels, f"{settings.channels} channels")
    yield "audio", f"{settings.sample_rate} Hz, {channels}, windows of {settings.chunk_seconds:g} s"
    yield "model", settings.architecture
    yield from settings.facts()
    first, *others = describe_ledger(checkpoint.ledger)
    yield "ledger", first
    yield from (("", line) for line in others)


def _digest(checkpoint: Checkpoint) -> str:
    """Compute the digest of the weights, whose first digits are in the tags of stems."""
    try:
        return weights_digest(checkpoint.model())
    except InputError:  # with differences from its YAML, or NaN
        return "none, since these weights cannot be loaded"


def _adapter_facts(adaptation: Adaptation) -> Iterator[tuple[str, str]]:
    yield "adapter", str(adaptation)
    if adaptation.base is not None:
        yield "base", f"{adaptation.base.name}, weights {adaptation.base.digest}"


def _parameters(settings: ModelSettings) -> Table:
    parts = parameters_by_part(skeleton(settings))
    total = sum(parts.values())
    table = Table("part", "parameters", "share")
    for column in table.columns[1:]:
        column.justify = "right"
    for part, size in (parts | {"all": total}).items():
        table.add_row(part, f"{size:,}", f"{size / total:.1%}")
    return table


def write_model_config(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint's architecture as a file for ``configs/model/``.

    Raises:
        InputError: If the file cannot be written.
    """
    tree = checkpoint.settings.model_dump(mode="json", exclude_none=True)
    tree["chunk_seconds"] = "${data.seconds}"  # a property of the training that it is for
    text = f"# The architecture of {checkpoint.file.path.name}.\n{yaml.safe_dump(tree, sort_keys=False)}"
    write_text(path, text)
