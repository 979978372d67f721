"""Report the device, and whether a training fits its memory: ``check-gpu``."""

import sys
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table

from bsroformer.cli.commands.check_gpu.config import CheckGpuConfig
from bsroformer.cli.commands.train.adaptation import with_model_of_init
from bsroformer.cli.commands.train.build import (
    block_count,
    build_model,
    build_optimizer,
    chosen_precision,
    recomputed_blocks,
)
from bsroformer.cli.commands.train.memory import (
    advice,
    advice_after_shortage,
    changed_keys,
    estimator,
    gib,
    half_type,
    memory_limit,
    memory_to_fill,
    training_plan,
)
from bsroformer.cli.console import terminal
from bsroformer.cli.exit_status import EXIT_FAILED
from bsroformer.cli.resolved_config import AUTO
from bsroformer.devices import best_device, keep_freed_memory, out_of_memory
from bsroformer.hardware import describe
from bsroformer.models.adaptation import adapt, store_frozen
from bsroformer.training.memory.estimate import CONTEXT, PASSING, MemoryEstimate, peak_of_steps
from bsroformer.training.memory.plan import Plan, divisors, largest_that_fits
from bsroformer.training.step import noise_stems, plain_step


def check_gpu(cfg: CheckGpuConfig) -> None:
    """Print the device and the training's memory; exit with 1 if it does not fit."""
    console = terminal()
    cfg = with_model_of_init(cfg, console)
    requested = cfg.activation_checkpointing
    cfg = cfg.replaced({"activation_checkpointing": recomputed_blocks(cfg)})  # so that auto counts them once
    keep_freed_memory()
    console.print(grid(describe(), "What PyTorch sees"))
    if requested == AUTO and block_count(cfg):
        blocks = f"{cfg.activation_checkpointing} of {block_count(cfg)} blocks"
        console.print(f"\nactivation_checkpointing=auto recomputes {blocks}")
    precision = chosen_precision(cfg.trainer.precision, cfg.trainer.accelerator)
    device = training_device(cfg)
    with console.status("counting what a forward pass saves"):
        estimate = estimator(cfg)(training_plan(cfg))
    name = cfg.optimizer.target.rpartition(".")[2]
    rows = estimate_rows(estimate, name, cfg.trainer.accelerator)
    console.print(grid(rows, f"\nA training step, estimated at precision {precision}"))
    if cfg.trainer.accelerator != "cpu" and device.type == "cpu":
        console.print(no_gpu())
    if cfg.memory_gb is None and device.type == "cuda":
        fits = fits_by_trial(cfg, device, console)
    else:
        fits = fits_by_estimate(cfg, device, estimate, console)
    if not fits:
        sys.exit(EXIT_FAILED)


def training_device(cfg: CheckGpuConfig) -> torch.device:
    """Return the device that will train, or the CPU if it is not here."""
    return torch.device("cpu") if cfg.trainer.accelerator == "cpu" else best_device()


def fits_by_estimate(cfg: CheckGpuConfig, device: torch.device, estimate: MemoryEstimate, console: Console) -> bool:
    """Return whether the training fits by the estimate, and print advice if not."""
    limit = memory_limit(cfg, device) if cfg.memory_gb is None else None
    limit = limit or memory_to_fill(cfg)
    if limit is None:
        console.print("\nThe device's memory is unknown; memory_gb=4, for instance, compares with a GPU of 4 GB.")
        return False
    if estimate.total <= limit:
        console.print(f"\nIt fits: {gib(estimate.total)} of {gib(limit)}.")
        return True
    print_changes(advice(cfg, limit), limit, console)
    return False


def print_changes(changes: list[str], limit: int, console: Console) -> None:
    """Print that the training does not fit, and the changes that help."""
    console.print(f"\nIt does not fit {gib(limit)}. What helps:")
    for line in changes:
        console.print(f"- {line}")


def fits_by_trial(cfg: CheckGpuConfig, device: torch.device, console: Console) -> bool:
    """Return whether real steps fit this machine's GPU, and print the largest batch."""
    plan = training_plan(cfg)
    limit = memory_limit(cfg, device)
    assert limit is not None
    with console.status("making real steps"):
        largest = largest_that_fits(step_fits(cfg, device, limit), plan.effective_batch)
    console.print(f"\nReal steps of up to {largest} of the {plan.effective_batch} excerpts between two updates fit.")
    change = changed_keys(plan, fastest_plan(plan, largest), block_count(cfg))
    if change:
        console.print(f"The same number in the largest steps that fit: {change}")
    if largest < plan.batch_size:
        print_changes(advice_after_shortage(cfg, limit), limit, console)
    return largest >= plan.batch_size


def step_fits(cfg: CheckGpuConfig, device: torch.device, limit: int) -> Callable[[int], bool]:
    """Return a check whether steps of a batch size fit a CUDA GPU.

    Averaged weights and CUDA's context are counted too.
    """
    model = build_model(cfg)
    if cfg.adaptation is not None:
        adapt(model, cfg.adaptation)
        store_frozen(model, half_type(cfg))
    loss = cfg.loss.build()
    optimizer = build_optimizer(cfg)
    average = estimator(cfg)(training_plan(cfg)).average

    def fits(batch_size: int) -> bool:
        stems = noise_stems(model.settings, batch_size, cfg.data.seconds).to(device)
        try:
            step = plain_step(model, loss, optimizer, stems, half_type(cfg))
            return peak_of_steps(step) + average + CONTEXT <= limit
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            return False
        finally:
            model.zero_grad()

    return fits


def fastest_plan(plan: Plan, largest: int) -> Plan:
    """Choose the largest batch up to `largest` that keeps the effective batch.

    Returns the plan itself if none does.
    """
    fitting = [size for size in divisors(plan.effective_batch) if size <= largest]
    return plan.with_batch(fitting[0]) if fitting else plan


def no_gpu() -> str:
    """Explain that PyTorch sees no GPU."""
    remedy = "install the PyTorch that was built for it (see pytorch.org/get-started/locally)"
    if torch.version.cuda:
        remedy = f"check its driver: nvidia-smi must list it, for CUDA {torch.version.cuda} or later"
    return (
        "\nPyTorch sees no GPU here, so this trainer cannot run; trainer=cpu trains on the CPU, slowly. "
        f"If this machine has a GPU, {remedy}."
    )


def estimate_rows(estimate: MemoryEstimate, optimizer: str, accelerator: str) -> dict[str, str]:
    """Format the estimate in GiB, with the optimiser's name."""
    runtime = "PyTorch" if accelerator == "cpu" else "CUDA"
    rows = {
        "weights": estimate.weights,
        "gradients": estimate.gradients,
        f"state of {optimizer}": estimate.optimizer,
        "averaged weights": estimate.average,
        "activations for the backward pass": estimate.activations,
        f"allowance: {gib(CONTEXT)} for {runtime}, {PASSING:.0%} over activations": estimate.allowance,
        "in all": estimate.total,
    }
    return {name: gib(size) for name, size in rows.items()}


def grid(rows: dict[str, str], title: str) -> Table:
    """Table of names and values."""
    table = Table.grid("", "", padding=(0, 2))
    table.title = title
    table.title_justify = "left"
    for name, value in rows.items():
        table.add_row(name, value)
    return table
