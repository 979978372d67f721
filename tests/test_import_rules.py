"""Rules of imports between modules; a violation names file:line."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGE = "bsroformer"

# Lowest layer first: a layer may import those listed before it, and rooms of one layer do not import each other.
LAYERS = (
    ("errors", "installation", "kinds"),
    ("invocation",),
    ("atomic", "devices", "extras", "file_names", "file_state", "parallel", "printed", "safe_files", "text"),
    ("hardware", "run_folder"),
    ("audio",),
    ("metrics", "models", "losses", "data"),
    ("checkpoints", "figures", "model"),  # `model` is the former place of `models`
    ("inference", "report"),
    ("evaluation",),
    (PACKAGE,),  # the public names of `bsroformer/__init__.py`
    ("training", "studio"),
    ("cli",),
    ("__main__", "scripts", "benchmarks"),
)
NEIGHBOURS = {("losses", "metrics")}
LAYER = {room: layer for layer, rooms in enumerate(LAYERS) for room in rooms}

# Where these may be imported at all: at the start of a path below the repository.
CONFINED = {
    ("hydra", "omegaconf"): ("bsroformer/cli/",),
    ("lightning", "pytorch_lightning"): (
        "bsroformer/training/",
        "bsroformer/data/datamodule.py",
        "bsroformer/cli/",
    ),
    ("gradio",): ("bsroformer/studio/",),
}
# Architectures below `models/`, with the files outside their folder that may import them.
ARCHITECTURES = {
    "bs_roformer": (
        "bsroformer/__init__.py",  # the public names
        "bsroformer/model.py",
        "scripts/benchmarks/learning.py",  # these compare this architecture with other programs
        "scripts/benchmarks/learning_peers.py",
        "scripts/benchmarks/loop_layers.py",
        "scripts/benchmarks/public_step.py",
        "scripts/benchmarks/training_step.py",
    ),
    "spectral_compression": (),
}
# Heavy, optional, or in need of FFmpeg: not imported until a function needs them.
IN_FUNCTIONS_ONLY = ("museval", "musdb", "stempeg")
NOT_AT_ONCE = ("matplotlib", "pretty_midi", "midirenderer", "python_stretch", "wandb")
SCRIPT_LINES = 20


@dataclass(frozen=True)
class Import:
    """One imported module: its dotted name, file and line."""

    file: str
    line: int
    name: str
    in_function: bool
    for_types: bool

    @property
    def top(self) -> str:
        return self.name.partition(".")[0]

    def breaks(self, rule: str) -> str:
        return f"{self.file}:{self.line}: imports {self.name}, but {rule}"


def imports(file: str, source: str) -> Iterator[Import]:
    """Every import of a source file, at any depth."""
    yield from _imports(file, ast.parse(source).body, in_function=False, for_types=False)


def _imports(file: str, body: list[ast.stmt], in_function: bool, for_types: bool) -> Iterator[Import]:
    for node in body:
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            names = [f"{base}.{alias.name}" for alias in node.names] if base == PACKAGE else [base]
        for name in names:
            yield Import(file, node.lineno, name, in_function, for_types)
        function = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        typing = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        inner = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.stmt)]
        handlers = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.ExceptHandler)]
        inner += [stmt for handler in handlers for stmt in handler.body]
        yield from _imports(file, inner, function, for_types or typing)


def room(name: str) -> str:
    """Top-level folder or module of the package to which a dotted name belongs."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in LAYER else PACKAGE


def room_of_file(file: str) -> str:
    parts = Path(file).with_suffix("").parts
    if parts[0] == "scripts":
        return "benchmarks" if parts[1] == "benchmarks" else "scripts"
    return PACKAGE if parts[1] == "__init__" else parts[1]


def layer_violations(found: Import) -> Iterator[str]:
    own = room_of_file(found.file)
    if found.name.startswith("."):
        yield found.breaks("imports name the package in full")
    if found.top != PACKAGE:
        return
    other = room(found.name)
    if own not in LAYER:
        yield found.breaks(f"{own} has no place yet in LAYERS of tests/test_import_rules.py")
    elif own != other and (own, other) not in NEIGHBOURS and LAYER[other] >= LAYER[own]:
        yield found.breaks(f"{other} is not below {own}")


def confinement_violations(found: Import) -> Iterator[str]:
    for names, places in CONFINED.items():
        if found.top in names and not found.file.startswith(places):
            yield found.breaks(f"it belongs to {', '.join(places)} only")


def architecture_violations(found: Import) -> Iterator[str]:
    for name, places in ARCHITECTURES.items():
        own = f"{PACKAGE}.models.{name}"
        inside = f"{own.replace('.', '/')}/"
        if f"{found.name}.".startswith(f"{own}.") and not found.file.startswith((inside, *places)):
            yield found.breaks("the rest of the package names `SeparationModel` and abilities only")


def delay_violations(found: Import) -> Iterator[str]:
    if found.top in IN_FUNCTIONS_ONLY and not found.in_function:
        yield found.breaks("it needs FFmpeg on the PATH: import it in the function that uses it")
    if found.top in NOT_AT_ONCE and not (found.in_function or found.for_types):
        yield found.breaks("it is heavy or optional: import it in a function, or for types only")


RULES = {
    "layers": layer_violations,
    "confinement": confinement_violations,
    "architectures": architecture_violations,
    "delay": delay_violations,
}


@pytest.fixture(scope="module")
def all_imports() -> list[Import]:
    files = [path for folder in (PACKAGE, "scripts") for path in sorted((REPOSITORY / folder).rglob("*.py"))]
    return [
        found for path in files for found in imports(path.relative_to(REPOSITORY).as_posix(), path.read_text("utf-8"))
    ]


@pytest.mark.parametrize("rule", RULES)
def test_every_import_obeys_the_rules(all_imports, rule):
    violations = [violation for found in all_imports for violation in RULES[rule](found)]
    assert not violations, "\n" + "\n".join(violations)


@pytest.mark.parametrize(
    ("rule", "file", "source"),
    [
        ("layers", "bsroformer/audio/x.py", "from bsroformer.models import build_model"),
        ("layers", "bsroformer/models/x.py", "def f():\n    import bsroformer.metrics.sdr"),
        ("layers", "bsroformer/training/x.py", "from bsroformer.studio import page"),
        ("layers", "bsroformer/inference/x.py", "from bsroformer import Separator"),
        ("layers", "bsroformer/errors.py", "from bsroformer.devices import best_device"),
        ("layers", "bsroformer/cli/x.py", "from .build import make"),
        ("layers", "bsroformer/attic/x.py", "from bsroformer import errors"),
        ("confinement", "bsroformer/training/x.py", "from omegaconf import DictConfig"),
        ("confinement", "bsroformer/data/track.py", "import lightning as L"),
        ("confinement", "bsroformer/cli/x.py", "import gradio"),
        ("architectures", "bsroformer/inference/x.py", "from bsroformer.models.bs_roformer.attention import Attention"),
        ("architectures", "bsroformer/models/x.py", "import bsroformer.models.bs_roformer"),
        ("delay", "bsroformer/metrics/x.py", "try:\n    import museval\nexcept ImportError:\n    pass"),
        (
            "delay",
            "bsroformer/metrics/x.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import musdb",
        ),
        ("delay", "bsroformer/figures/x.py", "class A:\n    from matplotlib.figure import Figure"),
    ],
)
def test_each_rule_finds_what_it_forbids(rule, file, source):
    violations = [violation for found in imports(file, source) for violation in RULES[rule](found)]
    assert len(violations) == 1
    assert violations[0].startswith(f"{file}:")


def test_every_architecture_has_its_rule():
    folders = {path.parent.name for path in (REPOSITORY / PACKAGE / "models").glob("*/__init__.py")}
    assert folders == ARCHITECTURES.keys()


def test_scripts_are_short():
    lengths = {path.name: len(path.read_text("utf-8").splitlines()) for path in (REPOSITORY / "scripts").glob("*.py")}
    assert {name: length for name, length in lengths.items() if length > SCRIPT_LINES} == {}
    assert {"train.py", "eval.py", "separate.py"} <= lengths.keys()


PLAIN_USE = """
import importlib.abc
import sys

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ImportError(f"{name} is blocked")

BLOCKED = sys.argv[1].split(",")
sys.meta_path.insert(0, Blocker())

import torch
import bsroformer
from bsroformer.audio.files import read, write
from bsroformer.checkpoints.native import describe

settings = bsroformer.ModelSettings.from_dict({
    "stems": ["vocals", "other"], "sample_rate": 8000, "channels": 2, "chunk_seconds": 0.1,
    "stft": {"n_fft": 32, "hop_length": 8}, "bands": {"layout": "fixed", "widths": [[1, 17]]},
    "trunk": {"dim": 8, "depth": 1, "heads": 2, "dim_head": 4}, "masks": {"expansion": 1},
})
model = bsroformer.BandSplitRoformer(settings)
weights = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
torch.save({"bsroformer": describe(model.settings), "state_dict": weights}, "model.ckpt")
write("song.wav", torch.randn(2, 3000), 8000)

mixture, rate = read("song.wav")
stems = bsroformer.Separator(bsroformer.load_model("model.ckpt"))(mixture)
assert stems.shape == (2, 2, 3000) and stems.isfinite().all()
assert not set(BLOCKED) & {name.partition(".")[0] for name in sys.modules}
"""


def test_separation_needs_no_training_or_evaluation_library(tmp_path):
    blocked = "lightning,pytorch_lightning,hydra,omegaconf,wandb,gradio,musdb,museval,stempeg,matplotlib"
    done = subprocess.run(
        [sys.executable, "-c", PLAIN_USE, blocked],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
