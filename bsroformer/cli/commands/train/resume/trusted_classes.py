"""Classes that a run's configuration may name: those of the configs' groups.

``config.yaml`` of a run may come from another person. Its ``_target_`` is looked up by group and name among the classes
of ``configs/``, so that it chooses among these and nothing else; Hydra's own list of dangerous names is not relied on.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from torch import optim

from bsroformer.cli.config_classes import PARTIAL, SPECIAL, Group, classes_by_group, present_path
from bsroformer.cli.schemas.components import TARGET
from bsroformer.errors import InputError
from bsroformer.installation import CONFIGS

FORMER_TARGETS = {
    "lightning.pytorch.callbacks.ModelCheckpoint": "bsroformer.training.callbacks.best_checkpoint.BestCheckpoint",
}
"""Classes in the configurations of older runs, and those that replace them."""
HYDRA = "hydra"
"""The group of Hydra's own plugins, which a run's configuration does not contain."""


def config_folders() -> list[Path]:
    """Return the folders of configs, including that of ``--config-dir``."""
    if not HydraConfig.initialized():
        return [CONFIGS]
    return [Path(source.path) for source in HydraConfig.get().runtime.config_sources if source.schema == "file"]


def known_groups() -> dict[str, Group]:
    """Return the classes that the configs name, by the first part of their key."""
    groups = dict(classes_by_group(tuple(config_folders())))
    groups.pop(HYDRA, None)
    return groups


def known_class(target: str, group: Group) -> str | None:
    """Return the present path of a class of a group, which may be a former one."""
    return present_path(FORMER_TARGETS.get(target, target), group.targets)


def is_optimizer(target: str) -> bool:
    """Return whether this is an optimiser of PyTorch, which only computes."""
    module, _, name = target.rpartition(".")
    found = getattr(optim, name, None) if module == "torch.optim" else None
    return isinstance(found, type) and issubclass(found, optim.Optimizer)


def with_known_classes(tree: dict[str, Any], source: Path, given: Collection[str] = ()) -> dict[str, Any]:
    """Check that each ``_target_`` is a known class of its group, and update it.

    Args:
        tree: Plain values, as read from the file.
        source: The file, for messages.
        given: Keys that the command line sets in place of the file's, which are not checked.

    Raises:
        InputError: Naming the first key that chooses other code, or is not a plain value.
    """
    return _Lookup(known_groups(), source, tuple(given)).checked(tree, "")


@dataclass(frozen=True)
class _Lookup:
    groups: dict[str, Group]
    source: Path
    given: tuple[str, ...]

    def checked(self, value: Any, key: str) -> Any:
        if any(key == each or key.startswith(f"{each}.") for each in self.given):
            return value
        if isinstance(value, dict):
            return {name: self._entry(name, each, f"{key}.{name}" if key else name) for name, each in value.items()}
        if isinstance(value, list):
            return [self.checked(each, f"{key}.{number}") for number, each in enumerate(value)]
        if isinstance(value, str) and "${" in value:
            raise InputError(
                f"{self.source}: {key}={value!r:.60} refers to another key by ${{...}}, but the configuration of a "
                f"run holds only values; write the value there, or give {key} on the command line"
            )
        return value

    def _entry(self, name: str, value: Any, key: str) -> Any:
        if not SPECIAL.fullmatch(name) or key in self.given:
            return self.checked(value, key)
        group = self.groups.get(key.partition(".")[0], Group())
        if name == TARGET and isinstance(value, str):
            found = value if key == f"optimizer.{TARGET}" and is_optimizer(value) else known_class(value, group)
            if found is not None:
                return found
        elif name == PARTIAL and value is True and group.partial:
            return value
        raise InputError(
            f"{self.source}: {key}={value!r:.80} is not in configs/{key.partition('.')[0]}/, and the file of a "
            f"run must not choose other code; if you trust it, give it again on the command line: {key}=..."
        )
