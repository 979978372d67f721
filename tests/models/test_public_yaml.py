"""Untrusted YAML files: values are read, and no code runs."""

from pathlib import Path

import pytest

from bsroformer.errors import InputError
from bsroformer.models.public_yaml import LIMITS, read_yaml


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "config.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as error:
        read_yaml(path)
    message = str(error.value)
    assert message.count(str(path)) == 1 and "\n" not in message and len(message) < 400
    return message


def test_values_come_with_their_lines(tmp_path):
    config = read_yaml(written(tmp_path, "audio:\n  chunk_size: 5\n\nmodel:\n  dim: 4 # small\n  bands: [1, 2]\n"))
    assert config.tree == {"audio": {"chunk_size": 5}, "model": {"dim": 4, "bands": [1, 2]}}
    assert config.lines == {"audio": 1, "audio.chunk_size": 2, "model": 4, "model.dim": 5, "model.bands": 6}
    assert config.place("model.dim") == f"model.dim ({config.path}, line 5)"
    assert config.place("model.depth") == f"model.depth (not in {config.path})"


@pytest.mark.parametrize("text", ["!!python/tuple [2, 3]", "!!python/tuple\n  - 2\n  - 3"])
def test_tuples_of_python_are_read(tmp_path, text):
    assert read_yaml(written(tmp_path, f"model:\n  bands: {text}\n")).tree["model"]["bands"] == (2, 3)


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system ['touch intruder']",
        "!!python/object/new:pathlib.Path ['intruder']",
        "!!python/name:os.system",
        "!!python/module:os",
        "!!python/object:pathlib.Path {}",
    ],
)
def test_other_python_objects_are_refused(tmp_path, tag, monkeypatch):
    monkeypatch.chdir(tmp_path)
    message = refusal(written(tmp_path, f"model:\n  dim: {tag}\n"))
    assert "cannot be read as plain YAML: line 2" in message
    assert not (tmp_path / "intruder").exists()


def test_aliases_that_expand_without_end_are_rejected(tmp_path):
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    assert "unfolds to more than" in refusal(written(tmp_path, "\n".join(lines)))
    assert "refers to what contains it" in refusal(written(tmp_path, "a: &a [*a, *a]"))


def test_byte_order_marks_and_line_ends_are_accepted(tmp_path):
    config = read_yaml(written(tmp_path, b"\xef\xbb\xbfmodel:\r\n  dim: 4\r\n"))
    assert config.tree == {"model": {"dim": 4}} and config.lines["model.dim"] == 2


def test_a_few_aliases_are_accepted(tmp_path):
    config = read_yaml(written(tmp_path, "model: {dim: &dim 4}\nother: {dim: *dim}"))
    assert config.tree["other"]["dim"] == 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just words",
        "- a\n- b",
        "a: [1, 2",
        "a: b: c",
        "[" * 5_000,
        b"\xff\xfe\x00\x01",
        "a: 1\n---\nb: 2",
        "? [a]\n: 1",
        "? {a: 1}\n: 1",
        "x" * (LIMITS.size + 1),
        "a: \x00",
        "a: !!bool foo",
        "a: !!int ''",
        "a: !!float ''",
        "a: !!timestamp foo",
        "!!set {a, b}",
        "a: 1" + ":59" * 300_000,
    ],
    ids=str,
)
def test_invalid_configurations_are_rejected(tmp_path, text):
    refusal(written(tmp_path, text))


def test_a_missing_file_and_a_wrong_section_are_rejected(tmp_path):
    assert "no configuration at" in refusal(tmp_path / "nowhere.yaml")
    config = read_yaml(written(tmp_path, "model: [1, 2]\naudio:\n"))
    assert config.section("audio") == config.section("training") == {}
    with pytest.raises(InputError, match=r"model \(.*, line 1\) must hold lines"):
        config.section("model")
