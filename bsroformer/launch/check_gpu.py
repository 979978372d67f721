"""Say what PyTorch sees of this machine and whether a training fits its memory: ``scripts/check_gpu.py``."""

import math
import sys

import torch
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from bsroformer.devices import best_device, keep_freed_memory
from bsroformer.errors import InputError
from bsroformer.hardware import GIB, describe, gpu_memory, main_memory
from bsroformer.launch.build import build_model, build_optimizer, chosen_precision
from bsroformer.launch.config import prepared
from bsroformer.launch.errors import user_errors
from bsroformer.launch.songs import make
from bsroformer.launch.terminal import terminal
from bsroformer.training.memory import CONTEXT, PASSING, MemoryEstimate, estimate_memory, peak_of_steps
from bsroformer.training.step import PlainStep, noise_stems, plain_step

HALF = {"32-true": None, "bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
"""What autocast computes in, by Lightning's names of precisions."""
DOES_NOT_FIT = 1
"""Exit status."""


@user_errors
def check_gpu(cfg: DictConfig) -> None:
    """Print what there is, what the training takes and whether that fits; exit with status 1 if not.

    Args:
        cfg: ``configs/check_gpu.yaml``, composed.
    """
    cfg = prepared(cfg)
    console = terminal()
    keep_freed_memory()
    console.print(grid(describe(), "What PyTorch sees"))
    precision = chosen_precision(cfg.trainer.precision, cfg.trainer.accelerator)
    step = build_step(cfg, precision)
    with console.status("counting what a forward pass saves"):
        estimate = estimate_memory(step)
    console.print(grid(estimate_rows(estimate), f"\nA training step, estimated at precision {precision}"))
    if cfg.trainer.accelerator != "cpu" and step.stems.device.type == "cpu":
        console.print(no_gpu())
    if not fits(cfg, step, estimate, console):
        sys.exit(DOES_NOT_FIT)


def build_step(cfg: DictConfig, precision: str) -> PlainStep:
    """One training step of the configured length and batch, on the device that will train if it is here."""
    if precision not in HALF:
        raise InputError(f"trainer.precision={precision} has no estimate: choose auto or one of {', '.join(HALF)}")
    model = build_model(cfg)
    device = torch.device("cpu") if cfg.trainer.accelerator == "cpu" else best_device()
    stems = noise_stems(model.settings, cfg.data.batch_size, cfg.data.seconds).to(device)
    return plain_step(model, make(cfg.loss), build_optimizer(cfg), stems, HALF[precision])


def memory_limit(cfg: DictConfig, device: torch.device) -> int | None:
    """Bytes that there are: ``memory_gb``, else the GPU's or, for the CPU, the machine's; None if unknown."""
    if cfg.memory_gb is not None:
        return round(cfg.memory_gb * GIB)
    if device.type != "cpu":
        return gpu_memory(device)[1]
    return (main_memory() or None) if cfg.trainer.accelerator == "cpu" else None


def fits(cfg: DictConfig, step: PlainStep, estimate: MemoryEstimate, console: Console) -> bool:
    """Whether the training fits, with a word on it and, if it does not, on what helps."""
    limit = memory_limit(cfg, step.stems.device)
    if limit is None:
        console.print("\nIt is not known whether it fits: memory_gb=4 holds it against a GPU of 4 GB, for instance.")
        return False
    needed = needed_bytes(cfg, step, estimate, console)
    if needed <= limit:
        console.print(f"\nIt fits: {gib(needed)} of {gib(limit)}.")
        return True
    console.print(f"\nIt does not fit {gib(limit)}. What helps:")
    for line in advice(cfg, estimate, limit):
        console.print(f"- {line}")
    return False


def needed_bytes(cfg: DictConfig, step: PlainStep, estimate: MemoryEstimate, console: Console) -> float:
    """The estimate or, on this machine's own CUDA GPU, the peak of real steps and CUDA's context."""
    if cfg.memory_gb is not None or step.stems.device.type != "cuda":
        return estimate.total
    try:
        peak = peak_of_steps(step)
    except torch.OutOfMemoryError:
        console.print("\nA real training step ran out of memory.")
        return math.inf
    console.print(f"\nA real training step takes {gib(peak)} at its peak, besides CUDA's context.")
    return peak + CONTEXT


def advice(cfg: DictConfig, estimate: MemoryEstimate, limit: int) -> list[str]:
    """Keys that make it fit, the cheapest first."""
    lines = []
    batch, seconds, accumulated = cfg.data.batch_size, cfg.data.seconds, cfg.trainer.accumulate_grad_batches
    if not cfg.activation_checkpointing:
        lines.append("activation_checkpointing=true: less memory, a third more time")
    if batch > 1:
        lines.append(f"data.batch_size=1 trainer.accumulate_grad_batches={batch * accumulated}: the same, in turns")
    shorter = math.floor(2 * seconds * estimate.share_that_fits(limit)) / 2  # to half a second
    if shorter >= 1:
        lines.append(f"data.seconds={shorter:g}: shorter excerpts, which would fit without any other change")
    lines.append("model=lite or model=tiny, or a smaller model.trunk.dim")
    return lines


def no_gpu() -> str:
    """What it means that PyTorch sees none."""
    remedy = "install the PyTorch that was built for it (pytorch.org/get-started/locally tells the command)"
    if torch.version.cuda:
        remedy = f"check its driver: nvidia-smi must list it, for CUDA {torch.version.cuda} or later"
    return (
        "\nPyTorch sees no GPU here, so this trainer cannot run: trainer=cpu trains on the CPU, slowly. "
        f"If there is a GPU, {remedy}."
    )


def estimate_rows(estimate: MemoryEstimate) -> dict[str, str]:
    """The estimate in words and GiB."""
    rows = {
        "weights": estimate.weights,
        "gradients": estimate.gradients,
        "AdamW's moments": estimate.optimizer,
        "activations for the backward pass": estimate.activations,
        f"allowance: {gib(CONTEXT)} for CUDA, {PASSING:.0%} over activations": estimate.allowance,
        "in all": estimate.total,
    }
    return {name: gib(size) for name, size in rows.items()}


def grid(rows: dict[str, str], title: str) -> Table:
    """Names and values, side by side."""
    table = Table.grid("", "", padding=(0, 2))
    table.title, table.title_justify = title, "left"
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def gib(size: float) -> str:
    """A size in GiB."""
    return f"{size / GIB:.2f} GiB"
