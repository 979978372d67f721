"""What the program reads cannot run code: where files are parsed, and what comes of a payload in each kind of them."""

import ast
import json
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from bsroformer.checkpoints import open_checkpoint
from bsroformer.cli.commands.train.resume.run_config import run_config
from bsroformer.cli.commands.train.run_facts import read_starts
from bsroformer.cli.resolved_config import load_environment
from bsroformer.data.packs.packed_track import INDEX, read_index
from bsroformer.errors import InputError
from bsroformer.models.public_yaml import read_yaml
from bsroformer.report.run_page import write_report
from bsroformer.training.fault_records import read_whole_lines
from bsroformer.training.sweep.job_result import read_result

REPOSITORY = Path(__file__).parents[1]
FILES = sorted(path for folder in ("bsroformer", "scripts") for path in (REPOSITORY / folder).rglob("*.py"))
RUNS_CODE = {
    "eval", "exec", "os.system", "pickle.load", "pickle.loads", "OmegaConf.load", "yaml.unsafe_load", "yaml.full_load",
    "joblib.load", "torch.hub.load", "runpy.run_path", "hydra.utils.call", "get_method", "get_class", "shelve.open",
}  # fmt: skip


def violations(source: str, file: str) -> Iterator[str]:
    """Calls in a source that would let a file choose what runs."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call | ast.ImportFrom):
            continue
        if isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            if "instantiate" in names and file != "bsroformer/cli/instantiation.py":
                yield f"{file}:{node.lineno}: only cli/instantiation.py instantiates"
            continue
        name, keywords = ast.unparse(node.func), {each.arg: ast.unparse(each.value) for each in node.keywords}
        arguments = [ast.unparse(each) for each in node.args]
        if name in RUNS_CODE:
            yield f"{file}:{node.lineno}: {name}"
        if name == "torch.load" and keywords.get("weights_only") != "True":
            yield f"{file}:{node.lineno}: torch.load without weights_only=True"
        if name in ("np.load", "numpy.load") and keywords.get("allow_pickle", "False") != "False":
            yield f"{file}:{node.lineno}: {name} with pickles"
        plain = arguments[1:] == ["_PlainLoader"] or keywords.get("Loader") == "yaml.BaseLoader"  # all values are text
        if name == "yaml.load" and not plain:
            yield f"{file}:{node.lineno}: yaml.load without the plain loader"


def test_no_file_is_parsed_in_a_way_that_runs_code():
    found = [each for path in FILES for each in violations(path.read_text("utf-8"), str(path.relative_to(REPOSITORY)))]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "torch.load(path)", "torch.load(path, weights_only=False)", "np.load(path, allow_pickle=True)", "eval(text)",
        "yaml.load(text, yaml.Loader)", "OmegaConf.load(path)", "from hydra.utils import instantiate", "pickle.load(f)",
    ],
)  # fmt: skip
def test_each_way_to_run_code_is_found(source):
    assert len(list(violations(source, "bsroformer/x.py"))) == 1


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.mkdir, (str(self.path),))


@pytest.fixture
def mark(tmp_path) -> Path:
    return tmp_path / "it-ran"


def refused_or_read(reader, *arguments: object) -> None:
    try:
        reader(*arguments)
    except InputError as error:
        assert "\n" not in str(error)


@pytest.mark.filterwarnings("ignore:.*run.json is damaged")
def test_payloads_in_every_kind_of_file_do_not_run(tmp_path, mark, monkeypatch):
    node = {"_target_": "os.mkdir", "_args_": [str(mark)]}
    tagged = f"!!python/object/apply:os.mkdir ['{mark}']"
    tree = yaml.safe_dump({"paths": {"output_dir": str(tmp_path)}, "data": {"source": node}, "model": {"stems": ["a"]}})
    run = tmp_path / "run"
    run.mkdir()
    for text in (tree, f"data: {tagged}\npaths: {{output_dir: x}}", tagged):
        (run / "config.yaml").write_text(text)
        refused_or_read(run_config, run)
        refused_or_read(write_report, run)
        refused_or_read(read_yaml, run / "config.yaml")
    readers = {
        "run.json": lambda: read_starts(run / "run.json"),
        "faults.jsonl": lambda: read_whole_lines(run / "faults.jsonl"),
        "result.json": lambda: read_result(run),
        INDEX: lambda: read_index(run),
    }
    for name, reader in readers.items():
        (run / name).write_text(json.dumps(node))
        refused_or_read(reader)
    monkeypatch.chdir(run)
    (run / ".env").write_text(f'X_TEST_A=$(mkdir {mark})\nX_TEST_B="`mkdir {mark}`"\n')
    monkeypatch.delenv("X_TEST_A", raising=False)
    load_environment()
    assert not mark.exists()


@pytest.mark.parametrize("write", ["pickle", "torch", "legacy"])
def test_payloads_in_checkpoints_do_not_run(tmp_path, mark, write):
    path = tmp_path / "model.ckpt"
    if write == "pickle":
        path.write_bytes(pickle.dumps(Payload(mark)))
    else:
        torch.save({"x": Payload(mark)}, path, _use_new_zipfile_serialization=write == "torch")
    with pytest.raises(InputError):
        open_checkpoint(path)
    assert not mark.exists()


def test_payloads_in_arrays_do_not_run(tmp_path, mark):
    np.save(tmp_path / "levels.npy", np.array([Payload(mark)], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        np.load(tmp_path / "levels.npy")
    assert not mark.exists()
