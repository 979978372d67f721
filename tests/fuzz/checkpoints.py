"""Mutated checkpoints and YAMLs: each gives a model, or one sentence.

``python tests/fuzz/checkpoints.py [count] [seed]`` tries many; the tests try a few.
"""

import copy
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml
from mutations import mutated_bytes, mutated_tree
from safetensors.torch import save_file
from torch import Tensor
from trial import Case, report, tried

from bsroformer.checkpoints import open_checkpoint
from bsroformer.checkpoints.digest import weights_digest
from bsroformer.checkpoints.native import ENTRY
from bsroformer.checkpoints.save import save_weights
from bsroformer.models.adaptation import Adaptation, BaseModelFacts, LoraSettings, adapt
from bsroformer.models.public_yaml import PlainDumper, PlainLoader

ADAPTER = "adapter.ckpt"
UPDATES = "updates.ckpt"
LAYER = "layers.0.0.layers.0.0.to_qkv"
REFERENCE = Path(__file__).parents[1] / "reference"
TENSORS = [
    torch.zeros(()),
    torch.zeros(0),
    torch.full((3,), torch.nan),
    torch.ones(2, 2).long(),
    torch.zeros(1).expand(2**40),
    torch.zeros(2, 2).to_sparse(),
    torch.zeros(2, dtype=torch.complex64),
]


def bomb(width: int = 10, depth: int = 12) -> list[Any]:
    """A list that unfolds to ``width ** depth`` values."""
    value: list[Any] = ["x"]
    for _ in range(depth):
        value = [value] * width
    return value


ODD: list[Any] = [
    *(None, True, -1, 0, 2**70, 1.5, float("nan"), "", "word", "\0", "é" * 100_000, b"bytes", 1j),
    *([], {}, [[]], [None] * 3, {"a": {"b": []}}, {1: 2}, {"k" * 100_000: 1}, (1, 2), {3}, bomb(), *TENSORS),
]


def native(tree: dict[str, Any], draw: random.Random, path: Path) -> Path:
    """A checkpoint of this project with other settings, format or weights."""
    mutated = mutated_tree(tree, draw, ODD)
    torch.save(mutated, path.with_suffix(".ckpt"))
    return path.with_suffix(".ckpt")


def described(tree: dict[str, Any], draw: random.Random, path: Path) -> Path:
    """A safetensors file with other settings in its metadata."""
    entry = mutated_tree(tree[ENTRY], draw, [odd for odd in ODD[:8] if odd is not None])
    weights = {name.removeprefix("model."): tensor for name, tensor in tree["state_dict"].items()}
    save_file(weights, path.with_suffix(".safetensors"), {ENTRY: json.dumps(entry, default=str)})
    return path.with_suffix(".safetensors")


def public(weights: dict[str, Tensor], draw: random.Random, path: Path) -> Path:
    """Public weights, some of which are others, maybe in a container."""
    container = draw.choice([None, "state_dict", "ema_state_dict", "net", "state"])
    mutated = mutated_tree(weights if container is None else {container: weights, "more": 1}, draw, ODD)
    torch.save(mutated, path.with_suffix(".ckpt"))
    return path.with_suffix(".ckpt")


def other_bytes(source: Path) -> Callable[[Any, random.Random, Path], Path]:
    """Choose a mutation of a file's bytes."""

    def mutate(_: Any, draw: random.Random, path: Path) -> Path:
        target = path.with_suffix(source.suffix)
        target.write_bytes(mutated_bytes(source.read_bytes(), draw))
        return target

    return mutate


def mutated_adapter(native_file: Path, draw: random.Random, work: Path) -> tuple[Path, Path | None]:
    """Write a mutated adapter of this project, or of another program with its YAML; return both paths."""
    path = work / "mutated"
    if draw.random() < 0.5:
        return native(load(native_file.with_name(ADAPTER)), draw, path), None
    config = native_file.with_name(UPDATES).with_suffix(".yaml")
    if draw.random() < 0.3:
        write_yaml(config, draw, work / "mutated.yaml", in_bytes=draw.random() < 0.5)
        return native_file.with_name(UPDATES), work / "mutated.yaml"
    return public(load(native_file.with_name(UPDATES)), draw, path), config


def mutated_files(native_file: Path, draw: random.Random, work: Path) -> tuple[Path, Path | None]:
    """Write a mutated checkpoint, or one with a mutated YAML; return both paths."""
    name = draw.choice(["bs_vocals", "mel_vocals", "bs_four_stems"])
    source, config = REFERENCE / f"{name}.ckpt", REFERENCE / f"{name}.yaml"
    path = work / "mutated"
    way = draw.randrange(6)
    if way == 0:
        file, yaml_file = native(load(native_file), draw, path), None
    elif way == 1:
        file, yaml_file = described(load(native_file), draw, path), None
    elif way == 2:
        file, yaml_file = public(load(source), draw, path), config
    elif way == 3:
        file, yaml_file = other_bytes(source)(None, draw, path), draw.choice([None, config])
    else:
        file, yaml_file = source, work / "mutated.yaml"
        write_yaml(config, draw, yaml_file, in_bytes=way == 5)
    return file, yaml_file


def write_yaml(config: Path, draw: random.Random, target: Path, in_bytes: bool) -> None:
    """A YAML with other bytes, or with other values."""
    if in_bytes:
        target.write_bytes(mutated_bytes(config.read_bytes(), draw))
        return
    plain = [odd for odd in ODD if isinstance(odd, str | bool | int | float | list | dict | None)]
    tree = mutated_tree(yaml.load(config.read_text(), PlainLoader), draw, plain)
    target.write_text(yaml.dump(tree, Dumper=PlainDumper), "utf-8")


def load(path: Path) -> dict[str, Any]:
    """All that a file holds."""
    return copy.deepcopy(torch.load(path, weights_only=True))


def fuzz(native_file: Path, count: int, seed: int, work: Path) -> tuple[int, list[str]]:
    """Load `count` mutated checkpoints; see `trial.tried`."""

    def case(draw: random.Random) -> Case:
        if draw.randrange(4) == 0:
            file, yaml_file = mutated_adapter(native_file, draw, work)
            return file.name, lambda: open_checkpoint(file, yaml_file, base=native_file).model()
        file, yaml_file = mutated_files(native_file, draw, work)
        return file.name, lambda: open_checkpoint(file, yaml_file).model()

    return tried(count, seed, case, longest_message=1500)


def write_native(path: Path) -> None:
    """A checkpoint of this project, of the reference model, and adapters of it beside it."""
    model = open_checkpoint(REFERENCE / "bs_vocals.ckpt", REFERENCE / "bs_vocals.yaml").model()
    entry = {"format": 2, "model": model.settings.model_dump(mode="json")}
    torch.save({ENTRY: entry, "state_dict": {f"model.{key}": each for key, each in model.state_dict().items()}}, path)
    base = BaseModelFacts(name=str(path), digest=weights_digest(model))
    adapt(model, Adaptation(lora=LoraSettings(rank=1, alpha=2.0, layers=("attention",)), base=base))
    save_weights(model, path.with_name(ADAPTER))
    rows, columns = load(REFERENCE / "bs_vocals.ckpt")[f"{LAYER}.weight"].shape
    updates = {f"{LAYER}.lora_A": torch.ones(1, columns), f"{LAYER}.lora_B": torch.ones(rows, 1)}
    torch.save(updates, path.with_name(UPDATES))
    path.with_name(UPDATES).with_suffix(".yaml").write_text(yaml.dump({"lora": {"r": 1, "lora_alpha": 2}}))


if __name__ == "__main__":
    import tempfile

    count, seed = [int(each) for each in [*sys.argv[1:], "3000", "0"][:2]]
    with tempfile.TemporaryDirectory() as folder:
        write_native(Path(folder) / "native.ckpt")
        sys.exit(report(count, *fuzz(Path(folder) / "native.ckpt", count, seed, Path(folder))))
