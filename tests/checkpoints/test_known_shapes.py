"""Shapes of all known public checkpoints, and their table in the docs.

`tests/reference/known_shapes.csv` lists them, with the length of the published file where it is known.
"""

import csv
import math
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from bsroformer import InputError
from bsroformer.checkpoints import Checkpoint
from bsroformer.checkpoints.public import read_public
from bsroformer.checkpoints.weight_file import WeightFile
from bsroformer.models.public_yaml import read_yaml
from support import public_model

REPOSITORY = Path(__file__).parents[2]
with (REPOSITORY / "tests" / "reference" / "known_shapes.csv").open() as file:
    KNOWN = list(csv.DictReader(file))
PAPER_BANDS = public_model.DEFAULTS["bs"]["freqs_per_bands"]
HEADS = {"hyperace": "mask_estimators.0.segm.backbone.stem.weight", "axial_refiner": "mask_estimators.0.refiner.weight"}
"""Unsupported mask heads, with a key of each; the second is invented, since its keys are unknown."""
Row = dict[str, str]


def options_of(row: Row) -> dict[str, Any]:
    options = {
        "dim": int(row["dim"]),
        "depth": int(row["depth"]),
        "heads": int(row["heads"]),
        "dim_head": int(row["dim_head"]),
        "stereo": "stereo=False" not in row["other"],
        "skip_connection": "skip_connection=True" in row["other"],
        "num_stems": len(stems_of(row)),
        "time_transformer_depth": 1,
        "freq_transformer_depth": 1,
        "stft_n_fft": int(row["n_fft"]),
        "stft_hop_length": int(row["hop"]),
        "mask_estimator_depth": int(row["mask_depth"]),
        "mlp_expansion_factor": int(row["expansion"]),
    }
    if row["bands"] == "63":  # unknown widths; one band more than the paper's
        options["freqs_per_bands"] = [*PAPER_BANDS[:-1], 64, 65]
    if row["kind"] == "mel":
        options["num_bands"] = int(row["bands"])
    return options


def stems_of(row: Row) -> list[str]:
    return row["stems"].split("/")


def shapes_of(row: Row) -> dict[str, tuple[int, ...]]:
    return public_model.key_shapes(row["kind"], options_of(row))


def size_of(row: Row) -> int:
    return sum(math.prod(shape) for shape in shapes_of(row).values())


def read_at_full_size(row: Row, folder: Path, with_config: bool = True) -> Checkpoint:
    """Read a sparse file of these shapes, which takes no disk space or memory."""
    weights = {key: torch.empty(shape) for key, shape in shapes_of(row).items()}
    for key, tensor in weights.items():
        if key.endswith("freqs"):
            tensor.fill_(1)
    if head := next((key for name, key in HEADS.items() if name in row["other"]), None):
        weights[head] = torch.empty(1)
    with (folder / "model.ckpt").open("wb") as sparse:
        sparse.truncate(4 * size_of(row))
    tree = {
        "audio": {"sample_rate": 44_100, "chunk_size": int(row["chunk"])},
        "model": options_of(row),
        "training": {"instruments": stems_of(row), "target_instrument": None},
    }
    (folder / "model.yaml").write_text(yaml.safe_dump(tree))
    config = read_yaml(folder / "model.yaml") if with_config else None
    return read_public(WeightFile(folder / "model.ckpt", weights), config)


def unsupported(row: Row) -> bool:
    return "mask=" in row["other"]


@pytest.mark.parametrize("row", KNOWN, ids=lambda row: row["name"])
def test_a_known_shape_is_read_with_and_without_its_yaml(tmp_path, row):
    if unsupported(row):
        with pytest.raises(InputError, match=r"HyperACE|axial refiner"):
            read_at_full_size(row, tmp_path)
        return
    public = read_at_full_size(row, tmp_path)
    alone = read_at_full_size(row, tmp_path, with_config=False)
    settings = public.settings
    assert not public.differences and not alone.differences
    assert settings.stems == tuple(stems_of(row))
    assert settings.chunk_seconds == int(row["chunk"]) / 44_100
    assert (alone.settings.bands, alone.settings.masks) == (settings.bands, settings.masks)
    assert alone.settings.trunk.model_copy(update={"skip_connection": settings.trunk.skip_connection}) == settings.trunk
    assert (alone.settings.channels, alone.settings.stft.n_fft) == (settings.channels, settings.stft.n_fft)


@pytest.mark.parametrize("row", [row for row in KNOWN if row["bytes"]], ids=lambda row: row["name"])
def test_shapes_add_up_to_the_published_file_size(row):
    bytes_each = int(row["bytes"]) / size_of(row)
    whole = any(value <= bytes_each < value * 1.01 for value in (2, 4))
    assert whole != (unsupported(row) or row["name"] == "mel_roformer-amane-small")


def test_one_file_is_listed_with_twice_its_stems():
    row = next(row for row in KNOWN if row["name"] == "mel_roformer-amane-small")
    assert int(row["bytes"]) / size_of(row | {"stems": "vocals"}) == pytest.approx(4, rel=0.005)


def table_row(row: Row) -> str:
    if unsupported(row):
        loads = "no: " + ("HyperACE mask head" if "hyperace" in row["other"] else "axial-refiner mask head")
    elif row["name"] == "mel_roformer-amane-small":
        loads = "yes, as one stem: its file holds one mask estimator, not the two listed"
    else:
        loads = "yes"
    kind = "Mel" if row["kind"] == "mel" else "BS"
    size = f"{size_of(row) / 1e6:.1f} M"
    published = f"{int(row['bytes']) / 1e6:,.1f} MB" if row["bytes"] else "–"
    spectrum = f"{row['n_fft']}/{row['hop']}"
    masks = f"{row['mask_depth']}/{row['expansion']}"
    name = row["name"].replace("_", r"\_")
    stems = ", ".join(stems_of(row)).replace("_", r"\_")
    return (
        f"| {name} | {kind} | {row['dim']}/{row['depth']} | {row['bands']} | {stems} | {spectrum} | {masks} "
        f"| {size} | {published} | {loads} |"
    )


def test_the_docs_have_a_row_for_each_of_them():
    text = (REPOSITORY / "docs" / "checkpoints.md").read_text("utf-8")
    missing = [table_row(row) for row in KNOWN if table_row(row) not in text]
    assert not missing, "\n" + "\n".join(missing)
