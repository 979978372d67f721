"""Memory of a configured training, and changes that lower it."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import torch

from bsroformer.cli.commands.train.build import block_count, build_optimizer, chosen_precision, recomputed_blocks
from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.cli.errors import OUT_OF_MEMORY
from bsroformer.devices import best_device, out_of_memory
from bsroformer.errors import InputError
from bsroformer.hardware import GIB, available_memory, gpu_memory, main_memory
from bsroformer.invocation import command_line
from bsroformer.training.memory.estimate import MemoryEstimate, StepSize, estimate_memory, optimizer_share
from bsroformer.training.memory.plan import Plan, first_that_fits, more_blocks, plans_that_fit
from bsroformer.training.optimizer import errors_of_setting_up

HALF = {"32-true": None, "bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
"""Types that autocast computes in, by Lightning's names of precisions."""
SMALLER_MODEL = "model=lite or model=tiny, or smaller sizes of the model"
FILLED = 0.9
"""Share of a GPU that ``activation_checkpointing=auto`` fills by its estimate: a display needs some of it too."""
AT_LEAST_LESS = 0.25
"""Share of the activations to save after a training ran out of memory, even if the estimate says that it fits."""


def half_type(cfg: TrainConfig) -> torch.dtype | None:
    """Return the type that autocast computes in.

    Raises:
        InputError: If the memory of the precision is unknown.
    """
    precision = chosen_precision(cfg.trainer.precision, cfg.trainer.accelerator)
    if precision not in HALF:
        raise InputError(f"trainer.precision={precision} has no estimate; choose auto or one of {', '.join(HALF)}")
    return HALF[precision]


def training_plan(cfg: TrainConfig) -> Plan:
    """Return the plan of a configured training."""
    return Plan(cfg.data.batch_size, cfg.trainer.accumulate_grad_batches, cfg.data.seconds, recomputed_blocks(cfg))


def estimator(cfg: TrainConfig) -> Callable[[Plan], MemoryEstimate]:
    """Return an estimate of the configured model's memory by plan."""
    settings = cfg.settings
    half = half_type(cfg)
    averaged = "ema" in (cfg.callbacks or {})
    on_cpu = cfg.trainer.accelerator == "cpu"
    with errors_of_setting_up():
        state = optimizer_share(settings, build_optimizer(cfg), cfg.adaptation)

    @cache
    def estimate(plan: Plan) -> MemoryEstimate:
        blocks = plan.recomputed_blocks
        size = StepSize(plan.batch_size, plan.seconds, blocks, half, averaged, state, on_cpu, cfg.adaptation)
        return estimate_memory(settings, cfg.loss.build, size)

    return estimate


def fewest_blocks(cfg: TrainConfig) -> int:
    """Count the blocks that ``activation_checkpointing=auto`` recomputes.

    They are the fewest with which the training fits the GPU: 0 on a CPU, or where the GPU or the precision's need is
    unknown; all of them where nothing fits.

    None on a CPU, or where the GPU or what a precision takes is not known; all of them where nothing fits.
    """
    memory = memory_to_fill(cfg)
    precision = chosen_precision(cfg.trainer.precision, cfg.trainer.accelerator)
    if memory is None or cfg.trainer.accelerator == "cpu" or precision not in HALF:
        return 0
    depth = block_count(cfg)
    if not depth:
        return 0
    kept = Plan(cfg.data.batch_size, cfg.trainer.accumulate_grad_batches, cfg.data.seconds, recomputed_blocks=0)
    estimate = estimator(cfg)
    plans = [kept, *more_blocks(kept, depth)]
    found = first_that_fits(plans, lambda plan: estimate(plan).total <= FILLED * memory)
    return found[0].recomputed_blocks if found else depth


def memory_to_fill(cfg: TrainConfig) -> int | None:
    """Return the GPU memory to fill, in bytes.

    It is ``memory_gb``, else the lesser of this machine's and ``card_memory_gb``.
    """
    if cfg.memory_to_check_gb is not None:
        return round(cfg.memory_to_check_gb * GIB)
    if cfg.trainer.accelerator == "cpu":
        return None
    device = best_device()
    sizes = [] if device.type == "cpu" else [card_memory(device)]
    if cfg.card_memory_gb is not None:
        sizes.append(round(cfg.card_memory_gb * GIB))
    return min(sizes, default=None)


def card_memory(device: torch.device) -> int:
    """Return a GPU's total memory in bytes, without a context on it.

    A context would take some of it.
    """
    if device.type == "cuda" and torch.cuda.is_available():
        return int(torch.cuda.get_device_properties(device).total_memory)
    return gpu_memory(device)[1]


def memory_limit(cfg: TrainConfig, device: torch.device) -> int | None:
    """Return the available bytes of the training's device; None if unknown."""
    if device.type != "cpu":
        return gpu_memory(device)[1]
    return available() if cfg.trainer.accelerator == "cpu" else None


def available() -> int | None:
    """Return the bytes that a training on the CPU can have; None if unknown."""
    size = min(available_memory(), main_memory() or math.inf)
    return int(size) if size < math.inf else None


def advice(cfg: TrainConfig, memory: int, limit: float | None = None) -> list[str]:
    """List changes of keys, each of which makes the training fit by the estimate.

    Args:
        cfg: The training, which does not fit.
        memory: Available bytes.
        limit: Bytes that it may take, if fewer.
    """
    limit = memory if limit is None else limit
    plan = training_plan(cfg)
    depth = block_count(cfg)
    estimate = estimator(cfg)
    changes = []
    for fitting in plans_that_fit(plan, depth, lambda each: estimate(each).total, limit):
        size = f"(estimated {estimate(fitting).total / GIB:.2f} of {gib(memory)})"
        changes.append(f"{changed_keys(plan, fitting, depth)} {size}")
    return changes or [SMALLER_MODEL]


def changed_keys(before: Plan, after: Plan, depth: int) -> str:
    """Format the keys that turn one plan into another."""
    old = written(before, depth)
    new = written(after, depth)
    return " ".join(f"{key}={value}" for key, value in new.items() if value != old[key])


def written(plan: Plan, depth: int) -> dict[str, str]:
    """Format a plan as keys and values."""
    blocks = {depth: "true", 0: "false"}  # 0 if there are none to recompute
    return {
        "data.batch_size": str(plan.batch_size),
        "trainer.accumulate_grad_batches": str(plan.accumulated),
        "data.seconds": f"{plan.seconds:g}",
        "activation_checkpointing": blocks.get(plan.recomputed_blocks, str(plan.recomputed_blocks)),
    }


@contextmanager
def memory_advice(cfg: TrainConfig) -> Iterator[None]:
    """Report an out-of-memory error with the keys to change and their new values.

    Raises:
        InputError: If the context runs out of memory.
    """
    before = available()  # afterwards it is less: the training may keep memory that it has freed
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        device = torch.device("cpu") if cfg.trainer.accelerator == "cpu" else best_device()
        size = before if device.type == "cpu" else memory_limit(cfg, device)
        raise InputError(sentence(cfg, device, size)) from error


def advice_after_shortage(cfg: TrainConfig, memory: int | None) -> list[str]:
    """Advise after a training ran out of memory.

    It takes more than there was, even if the estimate says that it fits.
    """
    estimate = estimator(cfg)(training_plan(cfg))
    memory = memory or estimate.total
    limit = estimate.total - AT_LEAST_LESS * estimate.activations
    return advice(cfg, memory, min(memory, limit))


def sentence(cfg: TrainConfig, device: torch.device, size: int | None) -> str:
    """Describe a training that ran out of memory; `size` is None if unknown."""
    memory = "memory" if device.type == "cpu" else "GPU's memory"
    try:
        changes = advice_after_shortage(cfg, size)
    except InputError:  # a precision without an estimate
        return OUT_OF_MEMORY
    return f"the {memory} is full; set {', or '.join(changes)}; `{command_line('check-gpu')}` reports more"


def gib(size: float) -> str:
    """Format a size in GiB."""
    return f"{size / GIB:.2f} GiB"
