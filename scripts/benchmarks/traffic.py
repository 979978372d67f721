"""Operators and bytes of a training step on a GPU, counted without one."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from rich.table import Table
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.optim import Optimizer
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry, sdpa_backward_flop_count, sdpa_flop_count

from benchmarks.comparison import caption
from benchmarks.gpu_path import gpu_path
from bsroformer.errors import InputError
from bsroformer.kinds import Count, Seconds
from bsroformer.models import build_model, settings_from_dict
from bsroformer.training.optimizer import make_optimizer_of
from bsroformer.training.step import PlainStep, noise_stems

KINDS = {
    "matrix products": ("mm", "convolution"),
    "attention": ("scaled_dot_product",),
    "FFT": ("fft",),
    "normalisation": ("rms_norm",),
    "optimiser": ("fused_adam", "foreach"),
    "copies and casts": (
        *("cat", "clone", "copy", "fill", "flip", "index", "ones", "pad", "select_backward", "slice_backward"),
        *("stack", "unfold", "zero"),
    ),
    "reductions": ("mean", "norm", "sum"),
}
"""Parts of the operators' names by kind, in order of precedence; all other operators are elementwise."""
ELEMENTWISE = "elementwise"
WITHOUT_TRAFFIC = ("device", "empty", "new_empty", "transpose_")
"""Starts of the names of operators that neither read nor write values."""
OVERWRITING = ("copy_", "fill_", "zero_")
"""Operators in place that do not read what they replace."""
GIGABYTE = 1e9
CLIP = 5.0
"""Largest gradient norm, as in ``configs/trainer/``."""


@dataclass(frozen=True)
class Load:
    """Work of some operators.

    Attributes:
        operators: Number of operators that read or write tensors.
        bytes: Sum of the bytes of their inputs and outputs.
        multiply_adds: Multiply-adds of matrix products and attention.
    """

    operators: int = 0
    bytes: int = 0
    multiply_adds: int = 0

    def __add__(self, other: "Load") -> "Load":
        """Add the work of other operators."""
        return Load(
            self.operators + other.operators,
            self.bytes + other.bytes,
            self.multiply_adds + other.multiply_adds,
        )


class TrafficCounter(TorchDispatchMode):
    """A context that counts the work of PyTorch's operators.

    Views and allocations are not counted. An operator in place reads and writes its tensor, and an axis along which a
    tensor is repeated by a view counts once.

    Attributes:
        loads: Work by name of operator.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loads: dict[str, Load] = defaultdict(Load)

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call an operator, and count it if it reads or writes tensors."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        name = func.overloadpacket.__name__
        replaced = replaced_tensors(func, args, kwargs)
        created = tensors_of(result) if not replaced else []
        inputs = tensors_of([args, kwargs])
        if name.startswith(WITHOUT_TRAFFIC) or (are_views(created, inputs) and not replaced):
            return result
        if name in OVERWRITING or "out" in kwargs:
            inputs = [tensor for tensor in inputs if all(tensor is not each for each in replaced)]
        total = sum(bytes_in_memory(tensor) for tensor in (*inputs, *created, *replaced))
        self.loads[name] += Load(1, total, multiply_adds(func, args, kwargs, result))
        return result

    def by_kind(self) -> dict[str, Load]:
        """Add up the work of each kind of operator."""
        kinds: dict[str, Load] = defaultdict(Load)
        for name, load in self.loads.items():
            kinds[kind_of(name)] += load
        return kinds

    def total(self) -> Load:
        """Add up the work of all operators."""
        return sum(self.loads.values(), Load())


def kind_of(name: str) -> str:
    """Return the kind of an operator."""
    for kind, parts in KINDS.items():
        if any(part in name for part in parts):
            return kind
    return ELEMENTWISE


def tensors_of(tree: Any) -> list[Tensor]:
    """List the tensors in arguments or results."""
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def replaced_tensors(func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Tensor]:
    """List the arguments that an operator writes to."""
    replaced = []
    for position, argument in enumerate(func._schema.arguments):
        value = args[position] if position < len(args) else kwargs.get(argument.name)
        if argument.alias_info is not None and argument.alias_info.is_write:
            replaced += tensors_of(value)
    return replaced


def are_views(results: list[Tensor], inputs: list[Tensor]) -> bool:
    """Check whether all results share the memory of inputs."""
    storages = {tensor.untyped_storage()._cdata for tensor in inputs}
    return all(tensor.untyped_storage()._cdata in storages for tensor in results)


def bytes_in_memory(tensor: Tensor) -> int:
    """Count the bytes of a tensor, without those that a view repeats."""
    values = 1
    for length, stride in zip(tensor.shape, tensor.stride(), strict=True):
        values *= length if stride else min(length, 1)
    return values * tensor.element_size()


def multiply_adds(func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> int:
    """Count the multiply-adds of a matrix product or of attention; 0 for other operators."""
    shapes = [tensor.shape for tensor in tensors_of(args)]
    aten = torch.ops.aten
    packet = func.overloadpacket
    if packet is aten._scaled_dot_product_flash_attention_for_cpu:
        flops = sdpa_flop_count(*shapes[:3])
    elif packet is aten._scaled_dot_product_flash_attention_for_cpu_backward:
        flops = sdpa_backward_flop_count(*shapes[:4])
    elif packet in flop_registry:
        flops = flop_registry[packet](*args, **kwargs, out_val=result)
    else:
        flops = 0
    return int(flops // 2)


@dataclass(frozen=True)
class TrafficCount:
    """Work of a training step.

    Attributes:
        conditions: The settings that the counts hold for.
        counter: The counted operators.
    """

    conditions: dict[str, Any]
    counter: TrafficCounter

    def to_dict(self) -> dict[str, Any]:
        """Return a plain tree for JSON: the total, by kind, and by operator."""
        by_kind = {kind: asdict(load) for kind, load in self.counter.by_kind().items()}
        by_operator = {name: asdict(load) for name, load in largest_first(self.counter.loads)}
        total = asdict(self.counter.total())
        return {"conditions": self.conditions, "total": total, "kinds": by_kind, "names": by_operator}

    def table(self) -> Table:
        """Return a table of ``rich`` with a row for each kind and the total."""
        columns = ("", "operators", "gigabytes", "10⁹ multiply-adds")
        table = Table(*columns, title="A training step on a GPU", caption=caption(self.conditions))
        for column in table.columns[1:]:
            column.justify = "right"
        total = self.counter.total()
        for name, load in (*largest_first(self.counter.by_kind()), ("total", total)):
            gigabytes = f"{load.bytes / GIGABYTE:.2f}"
            products = f"{load.multiply_adds / 1e9:,.0f}" if load.multiply_adds else ""
            table.add_row(name, f"{load.operators:,}", gigabytes, products)
        return table


def largest_first(loads: dict[str, Load]) -> list[tuple[str, Load]]:
    """Sort work by bytes."""
    return sorted(loads.items(), key=lambda item: -item[1].bytes)


@dataclass(frozen=True)
class Traffic:
    """Count operators and bytes of a training step: forward, loss, backward, clipping and optimiser.

    No value is computed, and no GPU is needed. The step is not compiled.

    Attributes:
        settings: The model, as in ``configs/model/``.
        loss: ``(estimate, target)`` to a scalar and its named terms.
        optimizer: Makes an optimiser of parameter groups.
        seconds: Length of an excerpt.
        batch_size: Excerpts in a step.
        precision: ``fp32``, or ``bf16`` and ``auto`` for autocast to bfloat16.
    """

    settings: dict[str, Any]
    loss: nn.Module
    optimizer: Callable[[Iterable[Any]], Optimizer]
    seconds: Seconds
    batch_size: Count
    precision: str

    def run(self) -> TrafficCount:
        """Count a step.

        Raises:
            InputError: If a setting is out of range.
        """
        if self.precision not in ("auto", "fp32", "bf16"):
            raise InputError(f"precision={self.precision} must be one of auto, fp32, bf16")
        settings = settings_from_dict(self.settings)
        half = None if self.precision == "fp32" else torch.bfloat16
        with gpu_path():
            model = build_model(settings).train()
            stems = noise_stems(settings, self.batch_size, self.seconds)
            step = PlainStep(model, self.loss, make_optimizer_of(model, self.optimizer), stems, half)
            make_step(step)  # creates the optimiser's state
            with TrafficCounter() as counter:
                make_step(step)
        conditions = {
            "seconds_of_audio": self.seconds,
            "batch_size": self.batch_size,
            "precision": "bf16" if half else "fp32",
            "torch": torch.__version__,
        }
        return TrafficCount(conditions, counter)


def make_step(step: PlainStep[Any]) -> None:
    """Make a step with clipped gradients."""
    assert step.optimizer is not None
    step.forward().backward()
    parameters = list(step.model.parameters())
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients, foreach=True)
    torch.nn.utils.clip_grads_with_norm_(parameters, CLIP, norm, foreach=True)
    step.optimizer.step()
    step.optimizer.zero_grad()
