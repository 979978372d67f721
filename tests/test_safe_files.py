import json
import os
import time

import pytest
import yaml
from omegaconf import OmegaConf

from bsroformer.errors import InputError
from bsroformer.safe_files import ReadingLimits, check_plain, parse_json, parse_yaml, read_json, read_text, read_yaml

BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
"""500 bytes that unfold to 2**40 values."""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (BOMB, "unfolds to more than 50,000 values"),
        ("a: &a [*a]", r"alias \*a refers to what contains it"),
        ("a: &a [x]\nb: &a [*a]", r"alias \*a refers to what contains it"),
        ("[" * 40 + "]" * 40, "nests more than 32"),
        ("[" * 100_000, "nests more than 32"),
        ("? " * 5_000, "nests more than 32"),
        (f"a: {'1:' * 6_000}1", "longer than 10,000 characters"),
        ("a: !!python/object/apply:os.system [id]", "could not determine a constructor"),
        ("a: !!binary aGVsbG8=", "holds a bytes"),
        ("a: !!set {b, c}", "holds a set"),
        ("a: !!timestamp 2001-01-01", "holds a date"),
        ("1: a", "key of type int is not text"),
        ("? [a]\n: b", "unhashable"),
        ('a: "\\ud800"', "not text that UTF-8 can encode"),
        (f"a: {'9' * 5_000}", "a value does not fit"),
        ("a: [", "line 1"),
        ("a: 1\n---\nb: 2", "line 2: but found another document"),
        ("a: \0", "cannot be read as plain YAML"),
    ],
)
def test_yaml_that_is_not_plain_or_small_is_refused_at_once(text, reason):
    begun = time.monotonic()
    with pytest.raises(InputError, match=f"x.yaml.*{reason}"):
        parse_yaml(text, "x.yaml")
    assert time.monotonic() - begun < 5


def test_yaml_values_are_those_that_omegaconf_reads():
    values = "1e-5", "1.0e-05", "0.5", "10", "1_000", ".inf", "yes", "null", "00:06:40", "'3'", "[x, 2001-01-01]"
    text = "\n".join(f"k{number}: {value}" for number, value in enumerate(values))
    assert parse_yaml(text, "x") == OmegaConf.to_container(OmegaConf.create(text))


def test_yaml_anchors_within_the_limits_are_read():
    text = "a: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2}"
    assert parse_yaml(text, "x") == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "nests more than 32"),
        ('{"a":' * 40 + "1" + "}" * 40, "nests more than 32"),
        ("9" * 5_000, "is not JSON"),
        ('{"a": 1', "is not JSON"),
        ("", "is not JSON"),
        (json.dumps([0] * 20), "more than 10 values"),
    ],
)
def test_json_that_is_damaged_or_too_large_is_refused(text, reason):
    limits = ReadingLimits(values=10) if "10" in reason else ReadingLimits()
    with pytest.raises(InputError, match=f"x.json.*{reason}"):
        parse_json(text, "x.json", limits)


def test_json_within_the_limits_is_read(tmp_path):
    tree = {"a": [1, 2.5, None, True, "é"], "b": {"c": {}}}
    (tmp_path / "a.json").write_text(json.dumps(tree), "utf-8")
    assert read_json(tmp_path / "a.json") == tree


def test_files_that_are_no_text_files_are_refused(tmp_path):
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    (tmp_path / "long").write_bytes(b"x" * 100)
    os.mkfifo(tmp_path / "pipe")
    for name, reason in (
        ("latin", "byte 3 is not UTF-8"),
        ("long", "100 bytes, and at most 10"),
        ("pipe", "is not a file"),
        (".", "is not a file"),
        ("none", "cannot be read: No such file"),
    ):
        with pytest.raises(InputError, match=reason):
            read_text(tmp_path / name, ReadingLimits(size=10))


def test_a_byte_order_mark_is_skipped(tmp_path):
    (tmp_path / "a.yaml").write_bytes("\ufeffa: 1".encode())
    assert read_yaml(tmp_path / "a.yaml") == {"a": 1}


def test_a_tree_without_end_is_refused_at_once():
    endless: list = []
    endless.append(endless)
    wide: list = [0]
    for _ in range(30):
        wide = [wide] * 10
    for tree, reason in ((endless, "nests more than"), (wide, "unfolds to more than"), ({"a": {1}}, "holds a set")):
        begun = time.monotonic()
        with pytest.raises(InputError, match=f"entry is refused: .*{reason}"):
            check_plain(tree, "entry")
        assert time.monotonic() - begun < 2


def test_tuples_are_plain():
    check_plain({"widths": ((1, 2), [3, 4.5, None, True, "x"])}, "entry")
