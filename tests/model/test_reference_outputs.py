"""The model computes the numbers of the public implementation; see `tests/reference/README.md`."""

from pathlib import Path

import numpy as np
import pytest
import torch
from community_layout import grouped_weights, settings_from_yaml

from bsroformer.model import BandSplitRoformer

REFERENCE = Path(__file__).parents[1] / "reference"


@pytest.mark.parametrize("case", ["bs_four_stems", "bs_vocals", "mel_vocals"])
def test_output_equals_the_public_implementations(case: str) -> None:
    model = BandSplitRoformer(settings_from_yaml(REFERENCE / f"{case}.yaml")).eval()
    weights = torch.load(REFERENCE / f"{case}.ckpt", weights_only=True)
    weights = weights.get("state_dict", weights.get("model_state_dict", weights))
    model.load_state_dict(grouped_weights(weights, model))
    data = np.load(REFERENCE / f"{case}.npz")
    with torch.inference_mode():
        stems = model(torch.from_numpy(data["mixture"]).unsqueeze(0))[0].numpy()
    expected = data["stems"][:, :, : stems.shape[-1]]
    stems = stems[..., : expected.shape[-1]]  # the public mel model drops the tail after its last whole hop
    error = np.linalg.norm(stems - expected) / np.linalg.norm(expected)
    assert error < 1e-5
