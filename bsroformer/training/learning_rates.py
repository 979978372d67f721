"""Learning rates that differ between the parts of a model."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.optim import Optimizer

from bsroformer.models.adaptation import check_names, part_of, parts_of
from bsroformer.training.optimizer import MakesOptimizer, groups_for


@dataclass(frozen=True)
class RatesByPart:
    """Make an optimiser whose learning rate is multiplied by a factor in some parts of a model.

    Attributes:
        make_optimizer: Makes an optimiser of parameter groups.
        rate: Its learning rate.
        factors: The factor of each part; 1 for others.
    """

    make_optimizer: MakesOptimizer
    rate: float
    factors: Mapping[str, float]

    def __call__(self, groups: Iterable[Any]) -> Optimizer:
        """Make the optimiser."""
        return self.make_optimizer(groups)

    def parameter_groups(self, model: nn.Module) -> list[dict[str, Any]]:
        """Group a model's parameters by the optimiser's own groups and by their learning rates.

        Raises:
            InputError: If the model has no such part.
        """
        parts = parts_of(model)
        check_names(list(self.factors), parts, "lr_factors", "parts")
        factors = {parameter: self._factor(name, parts) for name, parameter in model.named_parameters()}
        found: list[dict[str, Any]] = []
        for group in groups_for(self.make_optimizer, model):
            found += self._split(group, factors)
        return found

    def _factor(self, parameter: str, parts: Mapping[str, tuple[str, ...]]) -> float:
        part = part_of(parameter, parts)
        return 1.0 if part is None else self.factors.get(part, 1.0)

    def _split(self, group: dict[str, Any], factors: Mapping[nn.Parameter, float]) -> Iterator[dict[str, Any]]:
        """Split a group by factors, with the lists that have an item for each parameter."""
        parameters = group["params"]
        numbers: dict[float, list[int]] = {}
        for number, parameter in enumerate(parameters):
            numbers.setdefault(factors[parameter], []).append(number)
        for factor, chosen in numbers.items():
            part = {key: _items(value, chosen, len(parameters)) for key, value in group.items()}
            yield {**part, "lr": factor * self.rate}


def _items(value: Any, numbers: list[int], count: int) -> Any:
    is_list = isinstance(value, list) and len(value) == count
    return [value[number] for number in numbers] if is_list else value
