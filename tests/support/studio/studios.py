"""A studio whose separator computes block by block under the test's control."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Event
from typing import Any

import soundfile
import torch
from torch import Tensor

from bsroformer.errors import InputError
from bsroformer.inference import Delivery, StreamSeparator
from bsroformer.studio.catalog import CheckpointOption
from bsroformer.studio.job import FINISHED, Job, SeparationRequest
from bsroformer.studio.limits import Limits
from bsroformer.studio.model_cache import ModelCache
from bsroformer.studio.studio import Studio
from bsroformer.studio.workspace import Workspace

RATE = 8000
PATIENCE = 30.0
OPTION = CheckpointOption("small", "small.ckpt", ("vocals", "drums"), RATE)


class Paced(StreamSeparator):
    """Separator into a quarter and half of the mixture, one second per `gate` call."""

    sample_rate, channels = RATE, 2

    def __init__(self, stems: tuple[str, ...], gate: Callable[[], None]) -> None:
        self.stems, self.gate = stems, gate

    def stream(self, mixture: Iterable[Tensor]) -> Iterator[Tensor]:
        gains = torch.tensor([0.25, 0.5])[: len(self.stems), None, None]
        for block in mixture:
            for piece in block.split(RATE, dim=-1):
                self.gate()
                yield gains * piece


class Model(ModelCache):
    """A model without weights."""

    def __init__(self) -> None:
        super().__init__(lambda _, stems, overlap, shifts: Paced(tuple(stems), self.gate))
        self.open = Event()
        self.asked: Queue[tuple[str, Sequence[str], float, int]] = Queue()
        self.open.set()
        self.error: Exception | None = None

    def separator(self, option: CheckpointOption, stems: Sequence[str], overlap: float, shifts: int) -> Paced:
        self.asked.put((option.name, stems, overlap, shifts))
        return Paced(tuple(stems), self.gate)

    def gate(self) -> None:
        assert self.open.wait(PATIENCE)
        if self.error:
            raise self.error


@contextmanager
def studio_in(
    folder: Path, limits: Limits | None = None, offers: Sequence[CheckpointOption] = (OPTION,)
) -> Iterator[tuple[Studio, Model]]:
    """Open a studio with one checkpoint, or the named ones, and its model."""
    limits, model = limits or Limits(), Model()
    workspace = Workspace(folder / "studio", 60 * limits.keep_minutes)
    studio = Studio(offers, model, workspace, limits, Delivery())
    try:
        yield studio, model
    finally:
        model.error = InputError("the test is over")
        model.open.set()
        studio.close()


def song_in(folder: Path, seconds: float = 12.0, name: str = "A song.wav") -> Path:
    """Write a song of noise."""
    noise = 0.1 * torch.randn(round(seconds * RATE), 2)
    soundfile.write(folder / name, noise.numpy(), RATE, subtype="PCM_16")
    return folder / name


def request_for(source: Path, **changes: object) -> SeparationRequest:
    """Request for all stems."""
    values: dict[str, Any] = {"source": source, "title": source.stem, "checkpoint": "small", "stems": OPTION.stems}
    return SeparationRequest(**(values | changes))


def finished(job: Job) -> Job:
    """Wait until a job is finished."""
    wait_until(lambda: job.state in FINISHED)
    return job


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens in another thread."""
    never = Event()
    for _ in range(round(PATIENCE / 0.01)):
        if condition():
            return
        never.wait(0.01)
    raise AssertionError("it did not happen")
