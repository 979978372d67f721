"""Untrusted files: tensors are read, and no code runs."""

import io
import json
import pickle
import re
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from bsroformer.checkpoints.weight_file import MAX_PICKLE_BYTES, checked_weights, open_weights, release_pages
from bsroformer.errors import InputError
from bsroformer.hardware import largest_memory

WEIGHTS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4, dtype=torch.bfloat16)}


def save(path: Path, contents: Any) -> Path:
    torch.save(contents, path)
    return path


def refusal(path: Path) -> str:
    """Return the error message of a file: one sentence that names it, at no cost of memory."""
    tracemalloc.start()
    with pytest.raises(InputError) as error:
        file = open_weights(path)
        checked_weights(file.entries, file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    message = str(error.value)
    assert str(path) in message and "\n" not in message and len(message) < 400
    assert peak < 50e6
    return message


@pytest.mark.parametrize("kind", ["torch", "safetensors"])
def test_tensors_come_back_as_they_were_written(tmp_path, kind):
    path = tmp_path / "weights.ckpt"
    if kind == "torch":
        torch.save(WEIGHTS, path)
    else:
        safetensors.torch.save_file(WEIGHTS, path, {"who": "me"})
    file = open_weights(path)
    torch.testing.assert_close(checked_weights(file.entries, file), WEIGHTS, rtol=0, atol=0)
    assert file.metadata.get("who") == (None if kind == "torch" else "me")


def test_numpy_scalars_beside_the_weights_are_read(tmp_path):
    scores = {"sdr": np.float64(9.5), "epoch": np.int64(3), "all": [np.float32(1.5)], "done": np.bool_(True)}
    entries = open_weights(save(tmp_path / "x.ckpt", {"model": WEIGHTS, "best_metric": scores})).entries
    assert entries["best_metric"] == scores


class Intruder:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def as_archive(path: Path, contents: Any) -> None:
    torch.save(contents, path)


def as_bare_pickle(path: Path, contents: Any) -> None:
    path.write_bytes(pickle.dumps(contents))


def as_old_archive(path: Path, contents: Any) -> None:
    torch.save(contents, path, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (
            as_archive,
            r"calls builtins\.getattr, pathlib\.[\w., ]*Path, and reading a checkpoint must not run code",
        ),
        (as_bare_pickle, "is a bare pickle"),
        (as_old_archive, "is a bare pickle"),
    ],
)
@pytest.mark.parametrize("place", ["alone", "beside the weights", "inside the weights"])
def test_a_pickle_that_calls_functions_is_refused(tmp_path, write, reason, place):
    intruder = Intruder(tmp_path / "intruder")
    contents = {"alone": intruder, "beside the weights": WEIGHTS | {"x": intruder}, "inside the weights": [intruder]}
    write(tmp_path / "evil.ckpt", contents[place])
    assert re.search(reason, refusal(tmp_path / "evil.ckpt"))
    assert not (tmp_path / "intruder").exists()


@pytest.mark.parametrize("write", [save, lambda path, weights: safetensors.torch.save_file(weights, path)])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_rejected(tmp_path, write, share):
    path = tmp_path / "cut.ckpt"
    write(path, {"a": torch.randn(5000)})
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert "not a checkpoint that can be read safely" in refusal(path)


@pytest.mark.parametrize("contents", [b"", b"dear diary\n", b"PK\x03\x04", bytes(1000), b"PK" * 500, b"\x89PNG" * 9])
def test_a_file_of_another_format_is_rejected(tmp_path, contents):
    path = tmp_path / "other.ckpt"
    path.write_bytes(contents)
    assert "not a checkpoint that can be read safely" in refusal(path)


def test_a_missing_file_and_a_folder_are_rejected(tmp_path):
    assert "no checkpoint at" in refusal(tmp_path / "nowhere.ckpt")
    assert "no checkpoint at" in refusal(tmp_path)


@pytest.mark.parametrize("contents", [[1, 2], torch.ones(2), "text"])
def test_contents_must_be_a_dictionary(tmp_path, contents):
    assert "not a dictionary of tensors" in refusal(save(tmp_path / "x.ckpt", contents))


def rewritten(path: Path, change: Callable[[str, bytes], bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """A checkpoint with other bytes in its entries."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, change(name, content))
    return path


def test_an_archive_larger_when_unpacked_is_refused(tmp_path):
    def swell(name: str, content: bytes) -> bytes:
        return content + bytes(300_000_000 if name.endswith("data.pkl") else 0)

    path = rewritten(save(tmp_path / "bomb.ckpt", WEIGHTS), swell, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1e6
    assert "more than its own length when unpacked" in refusal(path)


def test_a_huge_pickle_is_refused(tmp_path):
    def swell(name: str, content: bytes) -> bytes:
        return bytes(MAX_PICKLE_BYTES + 1) if name.endswith("data.pkl") else content

    path = rewritten(save(tmp_path / "long.ckpt", WEIGHTS), swell)
    assert "its list of contents is longer than that of any checkpoint" in refusal(path)


class Hollow:
    """An object whose pickle creates it by a call that PyTorch's safe reader allows."""

    def __init__(self, call: Any, *arguments: Any) -> None:
        self.made = call, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.made


@pytest.mark.parametrize(
    "hollow", [Hollow(bytearray, 6 * 10**9), Hollow(np.float64(0).__reduce__()[0], Hollow(np.dtype, "V2000000000"))]
)
def test_a_pickle_that_allocates_empty_memory_is_refused(tmp_path, hollow):
    before = largest_memory()
    refusal(save(tmp_path / "hollow.ckpt", WEIGHTS | {"x": hollow}))
    assert not largest_memory() - before > 200e6  # NaN where the system does not report it


def claimed_shape(numel: int) -> Callable[[str, bytes], bytes]:
    """Make the pickle declare a tensor of `numel` values where the file has 5,001."""
    old, new = (pickle.dumps(number, protocol=2)[2:-1] for number in (5_001, numel))

    def claim(name: str, content: bytes) -> bytes:
        assert not name.endswith("data.pkl") or old in content
        return content.replace(old, new) if name.endswith("data.pkl") else content

    return claim


@pytest.mark.parametrize("numel", [5_002, 10**4, 10**6, 10**9, 25 * 10**9, 2**62])
def test_a_tensor_larger_than_its_data_is_refused(tmp_path, numel):
    path = rewritten(save(tmp_path / "big.ckpt", {"a": torch.randn(5_001)}), claimed_shape(numel))
    assert "not a checkpoint" in refusal(path) or "larger than" in refusal(path)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.ones(1).expand(10**10),
        torch.empty(10**10, device="meta"),
        torch.eye(3).to_sparse(),
        torch.ones(3, dtype=torch.int64),
        torch.ones(3, dtype=torch.complex64),
        3.0,
        "weights",
    ],
    ids=["expanded", "meta", "sparse", "integers", "complex", "number", "text"],
)
def test_only_dense_tensors_of_real_numbers_are_weights(tmp_path, tensor):
    message = refusal(save(tmp_path / "x.ckpt", WEIGHTS | {"odd": tensor}))
    assert re.search("its weight odd (is|must be)|holds odd as torch", message)


def test_many_views_of_one_tensor_are_refused(tmp_path):
    whole = torch.randn(10_000)
    contents = {f"w{number}": whole[: 10_000 - number] for number in range(100)}
    assert "larger than the file" in refusal(save(tmp_path / "views.ckpt", contents))


def with_header(path: Path, header: dict[str, Any], length: int | None = None) -> Path:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + bytes(64))
    return path


@pytest.mark.parametrize(
    ("header", "length"),
    [
        ({"a": {"dtype": "F32", "shape": [25 * 10**9], "data_offsets": [0, 10**11]}}, None),
        ({"a": {"dtype": "F32", "shape": [25 * 10**9], "data_offsets": [0, 64]}}, None),
        ({"a": {"dtype": "F32", "shape": [16], "data_offsets": [0, 64]}}, 10**11),
        ({"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 64]}}, None),
        ({"a": {"dtype": "PICKLE", "shape": [16], "data_offsets": [0, 64]}}, None),
    ],
)
def test_a_false_safetensors_header_is_rejected(tmp_path, header, length):
    assert "not a checkpoint" in refusal(with_header(tmp_path / "x.safetensors", header, length))


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_torchscript_archives_are_refused(tmp_path):
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), buffer)
    (tmp_path / "script.pt").write_bytes(buffer.getvalue())
    assert "not a checkpoint" in refusal(tmp_path / "script.pt")


def test_released_pages_are_read_from_the_file_again(tmp_path):
    weights = {"a": torch.randn(100_000), "b": torch.randn(3)}
    for tensor, written in zip(
        open_weights(save(tmp_path / "x.ckpt", weights)).entries.values(), weights.values(), strict=True
    ):
        assert torch.equal(tensor, written)
        release_pages(tensor)
        assert torch.equal(tensor, written)
