"""Loading of a public checkpoint compared with the plain way.

The plain way makes a model with random weights, reads the whole file, and copies.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from benchmarks.comparison import Comparison, machine
from benchmarks.measure import memory_growth, paired_seconds
from bsroformer.checkpoints import load_model, open_checkpoint
from bsroformer.checkpoints.save import save_public
from bsroformer.errors import InputError
from bsroformer.kinds import Count
from bsroformer.models import SeparationModel, build_model, settings_from_dict


@dataclass(frozen=True)
class Loading:
    """Measure time and memory of loading a checkpoint in the public layout.

    Attributes:
        settings: The model, as in ``configs/model/``.
        repeats: Pairs that are timed.
    """

    settings: dict[str, Any]
    repeats: Count

    def run(self) -> Comparison:
        """Measure time and memory of both ways.

        Raises:
            InputError: If a setting is out of range.
            AssertionError: If the two ways load different weights.
        """
        if self.repeats < 1:
            raise InputError(f"repeats={self.repeats} measures nothing; give 1 or more")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "public.ckpt"
            model = build_model(settings_from_dict(self.settings))
            save_public(model, path)
            size = sum(weight.nbytes for weight in model.parameters())
            del model
            torch.testing.assert_close(load_plainly(path).state_dict(), load_model(path).state_dict())
            mapped, plain, ratio = paired_seconds(
                lambda: load_model(path), lambda: load_plainly(path), self.repeats, torch.device("cpu")
            )
            peaks = [peak_over_weights(load, path, size) for load in (load_model, load_plainly)]
        ways = {
            "mapped": {"seconds": mapped, "peak_memory_over_weights": peaks[0]},
            "plain": {"seconds": plain, "peak_memory_over_weights": peaks[1]},
        }
        ratios = {"seconds": ratio, "peak_memory": peaks[1] / peaks[0]}
        conditions = {"parameters": size // 4, "repeats": self.repeats, **machine(torch.device("cpu"))}
        return Comparison("Loading a public checkpoint", conditions, ways, ratios)


@torch.no_grad()
def load_plainly(path: Path) -> SeparationModel:
    """Load a checkpoint the plain way.

    A model gets random weights, the file is read whole, and then copied.
    """
    checkpoint = open_checkpoint(path)
    model = build_model(checkpoint.settings).eval()
    weights = torch.load(path, map_location="cpu", weights_only=True)
    own = model.state_dict()
    for slot in checkpoint.slots:
        own[slot.ours][slot.index].copy_(weights[slot.theirs])
    return model


def peak_over_weights(load: Callable[[Path], object], path: Path, size: int) -> float:
    """Measure the memory growth of loading in a new process.

    It is divided by the `size` of the weights in bytes.
    """
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(memory_growth, (load, path)) / size
