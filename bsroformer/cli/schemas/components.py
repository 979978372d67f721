"""Mappings with a ``_target_``: what a class or function is called with."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, Field, PrivateAttr

from bsroformer.cli.schemas.kinds import Word
from bsroformer.cli.schemas.schema import OpenSchema, allowed, decoded
from bsroformer.kinds import AmountOrZero, Count, CountOrZero, Probability, Share

TARGET = "_target_"


class Component(OpenSchema):
    """A class or function, and its arguments.

    Attributes:
        target: Its dotted name.
        partial: Whether it is called with further arguments later.
    """

    target: Word = Field(alias="_target_")
    partial: Literal[False] = Field(default=False, alias="_partial_")
    _key: str = PrivateAttr(default="")

    @property
    def tree(self) -> dict[str, Any]:
        """The mapping as it was given."""
        return cast(dict[str, Any], decoded(self.model_dump(by_alias=True, exclude_unset=True)))

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the call."""
        return {name: value for name, value in self.tree.items() if not name.startswith("_")}

    def build(self, **more: Any) -> Any:
        """Call it, with further arguments or others."""
        from bsroformer.cli.instantiation import make  # which takes longer to import than all schemas

        return make(self.tree, self._key, **more)


class LaterComponent(Component):
    """A component that takes further arguments when a training starts."""

    partial: Literal[True] = Field(alias="_partial_")  # type: ignore[assignment]


class Optimizer(LaterComponent):
    """One of PyTorch's optimisers, or another with such arguments."""

    lr: Annotated[float, Field(ge=0, le=100)] = 1e-3
    betas: Annotated[
        list[Share], Field(min_length=2, max_length=2), allowed("a list of two numbers of 0 or more and below 1")
    ] = Field(default=[0.9, 0.999])
    eps: Annotated[float, Field(ge=0, le=1)] = 1e-8
    weight_decay: Annotated[float, Field(ge=0, le=100)] = 0
    momentum: Share = 0
    hidden_lr: Annotated[float, Field(ge=0, le=1000)] = 1
    iterations: Annotated[int, Field(ge=1, le=20)] = 5
    dampening: Probability = 0
    fused: bool | None = None


class Schedule(LaterComponent):
    """A learning rate schedule of PyTorch or of this program; another may follow it."""

    step_size: Count = 1
    gamma: Annotated[float, Field(gt=0, le=1)] = 1
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    patience: CountOrZero = 0
    cooldown: CountOrZero = 0
    threshold: Annotated[float, Field(ge=0, le=1000)] = 0
    min_lr: Annotated[float, Field(ge=0, le=100)] = 0
    then: "Schedule | None" = None


Endless = Annotated[Literal[-1] | Count, allowed("1 or more, or -1 for no limit")]
Batches = Annotated[CountOrZero | Probability, allowed("a number of batches, or a share of them from 0 to 1")]
Devices = Annotated[
    Literal[-1, "auto"] | Count | list[CountOrZero] | Annotated[str, Field(pattern=r"^\d+(,\d+)*,?$")],
    allowed("1 or more, -1 for all, auto, or a list of indices"),
]


Time = Word | dict[Literal["weeks", "days", "hours", "minutes", "seconds"], AmountOrZero]


class Trainer(Component):
    """``lightning.Trainer``; for ``precision=auto`` see `chosen_precision`."""

    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps", "tpu"] = "auto"
    devices: Devices = "auto"
    num_nodes: Annotated[int, Field(ge=1, le=10**5)] = 1
    strategy: Word | Component = "auto"
    precision: Word | Literal[16, 32, 64] = "32-true"
    max_epochs: Endless | None = None
    max_steps: Endless = -1
    min_epochs: CountOrZero | None = None
    min_steps: CountOrZero | None = None
    check_val_every_n_epoch: Count | None = 1
    num_sanity_val_steps: Annotated[int, Field(ge=-1, le=10**8)] = 2
    log_every_n_steps: Count = 50
    accumulate_grad_batches: Annotated[int, Field(ge=1, le=10**5)] = 1
    gradient_clip_val: AmountOrZero | None = None
    gradient_clip_algorithm: Literal["norm", "value"] | None = None
    limit_train_batches: Batches | None = None
    limit_val_batches: Batches | None = None
    overfit_batches: Batches = 0.0
    val_check_interval: (
        Annotated[Batches | Time, allowed("a number of batches, a share of them, or a time such as 00:00:10:00")] | None
    ) = None
    fast_dev_run: bool | CountOrZero = False
    max_time: Annotated[Time, allowed("a time such as 00:01:30:00, or {hours: 1.5}")] | None = None


def components(value: Any, key: str = "") -> Iterator[tuple[str, Component]]:
    """Yield the components in a schema and the mappings in it, with their keys."""
    if isinstance(value, Component):
        yield key, value
    elif isinstance(value, BaseModel | Mapping):
        for name, each in value.items() if isinstance(value, Mapping) else value:
            yield from components(each, f"{key}.{name}" if key else str(name))
