"""Files from anywhere: what they hold is read, what they would do is not done."""

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

from bsroformer.checkpoints.weight_file import LONGEST_PICKLE, checked_weights, forget, open_weights
from bsroformer.errors import InputError
from bsroformer.hardware import largest_memory

WEIGHTS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4, dtype=torch.bfloat16)}


def save(path: Path, contents: Any) -> Path:
    torch.save(contents, path)
    return path


def told(path: Path) -> str:
    """What the user is told of a file: one sentence that names it, at no cost of memory."""
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


def test_scores_that_a_trainer_kept_as_numpys_numbers_do_no_harm(tmp_path):
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
            r"wants to call builtins\.getattr, pathlib\.[\w., ]*Path, and reading a checkpoint must not run code",
        ),
        (as_bare_pickle, "refused: it is a bare pickle"),
        (as_old_archive, "refused: it is a bare pickle"),
    ],
)
@pytest.mark.parametrize("place", ["alone", "beside the weights", "inside the weights"])
def test_a_pickle_that_wants_to_run_code_is_refused_and_runs_none(tmp_path, write, reason, place):
    intruder = Intruder(tmp_path / "intruder")
    contents = {"alone": intruder, "beside the weights": WEIGHTS | {"x": intruder}, "inside the weights": [intruder]}
    write(tmp_path / "evil.ckpt", contents[place])
    assert re.search(reason, told(tmp_path / "evil.ckpt"))
    assert not (tmp_path / "intruder").exists()


@pytest.mark.parametrize("write", [save, lambda path, weights: safetensors.torch.save_file(weights, path)])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.5, 0.9, 0.99])
def test_a_file_that_was_cut_short_is_told(tmp_path, write, share):
    path = tmp_path / "cut.ckpt"
    write(path, {"a": torch.randn(5000)})
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert "not a checkpoint that can be read safely" in told(path)


@pytest.mark.parametrize("contents", [b"", b"dear diary\n", b"PK\x03\x04", bytes(1000), b"PK" * 500, b"\x89PNG" * 9])
def test_a_file_of_another_kind_is_told(tmp_path, contents):
    path = tmp_path / "other.ckpt"
    path.write_bytes(contents)
    assert "not a checkpoint that can be read safely" in told(path)


def test_a_missing_file_and_a_folder_are_told(tmp_path):
    assert "no checkpoint at" in told(tmp_path / "nowhere.ckpt")
    assert "no checkpoint at" in told(tmp_path)


@pytest.mark.parametrize("contents", [[1, 2], torch.ones(2), "text"])
def test_what_is_no_dictionary_is_told(tmp_path, contents):
    assert "holds no model" in told(save(tmp_path / "x.ckpt", contents))


def rewritten(path: Path, change: Callable[[str, bytes], bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """A checkpoint with other bytes in its entries."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, change(name, content))
    return path


def test_an_archive_that_unfolds_to_more_than_its_length_is_told(tmp_path):
    def swell(name: str, content: bytes) -> bytes:
        return content + bytes(300_000_000 if name.endswith("data.pkl") else 0)

    path = rewritten(save(tmp_path / "bomb.ckpt", WEIGHTS), swell, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1e6
    assert "more than its own length when unpacked" in told(path)


def test_a_pickle_that_is_longer_than_any_list_of_tensors_is_told(tmp_path):
    def swell(name: str, content: bytes) -> bytes:
        return bytes(LONGEST_PICKLE + 1) if name.endswith("data.pkl") else content

    path = rewritten(save(tmp_path / "long.ckpt", WEIGHTS), swell)
    assert "its list of contents is longer than that of any checkpoint" in told(path)


class Hollow:
    """An object that its pickle makes by a call that PyTorch's safe reader knows."""

    def __init__(self, call: Any, *arguments: Any) -> None:
        self.made = call, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.made


@pytest.mark.parametrize(
    "hollow", [Hollow(bytearray, 6 * 10**9), Hollow(np.float64(0).__reduce__()[0], Hollow(np.dtype, "V2000000000"))]
)
def test_a_pickle_that_asks_for_memory_that_it_does_not_fill_is_told(tmp_path, hollow):
    before = largest_memory()
    told(save(tmp_path / "hollow.ckpt", WEIGHTS | {"x": hollow}))
    assert not largest_memory() - before > 200e6  # NaN where the system does not tell


def claimed_shape(numel: int) -> Callable[[str, bytes], bytes]:
    """Let the pickle speak of a tensor of `numel` values where the file has 5,001."""
    old, new = (pickle.dumps(number, protocol=2)[2:-1] for number in (5_001, numel))

    def claim(name: str, content: bytes) -> bytes:
        assert not name.endswith("data.pkl") or old in content
        return content.replace(old, new) if name.endswith("data.pkl") else content

    return claim


@pytest.mark.parametrize("numel", [5_002, 10**4, 10**6, 10**9, 25 * 10**9, 2**62])
def test_a_tensor_that_claims_more_than_the_file_has_is_told(tmp_path, numel):
    path = rewritten(save(tmp_path / "big.ckpt", {"a": torch.randn(5_001)}), claimed_shape(numel))
    assert "not a checkpoint" in told(path) or "larger than" in told(path)


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
def test_what_is_no_dense_tensor_of_real_numbers_is_told_by_name(tmp_path, tensor):
    message = told(save(tmp_path / "x.ckpt", WEIGHTS | {"odd": tensor}))
    assert re.search("its entry odd is|holds odd as torch|among its weights is odd, a", message)


def test_many_views_of_one_tensor_are_not_many_weights(tmp_path):
    whole = torch.randn(10_000)
    contents = {f"w{number}": whole[: 10_000 - number] for number in range(100)}
    assert "larger than the file" in told(save(tmp_path / "views.ckpt", contents))


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
def test_a_safetensors_header_that_promises_too_much_is_told(tmp_path, header, length):
    assert "not a checkpoint" in told(with_header(tmp_path / "x.safetensors", header, length))


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_no_archive_of_torchscript_is_run(tmp_path):
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), buffer)
    (tmp_path / "script.pt").write_bytes(buffer.getvalue())
    assert "not a checkpoint" in told(tmp_path / "script.pt")


def test_forgotten_pages_come_from_the_file_again(tmp_path):
    weights = {"a": torch.randn(100_000), "b": torch.randn(3)}
    for tensor, written in zip(
        open_weights(save(tmp_path / "x.ckpt", weights)).entries.values(), weights.values(), strict=True
    ):
        assert torch.equal(tensor, written)
        forget(tensor)
        assert torch.equal(tensor, written)
