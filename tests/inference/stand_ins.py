"""Stand-ins for separators."""

import torch

from bsroformer.inference.stream_separator import StreamSeparator


class Halves(StreamSeparator):
    """A stand-in: a quarter and half of the mixture, in blocks that lag behind; 8000 Hz, stereo by default."""

    stems = ("vocals", "drums")
    sample_rate = 8000

    def __init__(self, channels: int = 2, gain: float = 1.0, lag: int = 5000) -> None:
        self.channels, self.gain, self.lag = channels, gain, lag
        self.heard: list[torch.Size] = []

    def stream(self, mixture):
        held = torch.zeros(self.channels, 0)
        for block in mixture:
            self.heard.append(block.shape)
            held = torch.cat([held, block], dim=-1)
            if held.shape[-1] > self.lag:
                yield self.gain * torch.stack([0.25 * held[:, : -self.lag], 0.5 * held[:, : -self.lag]])
                held = held[:, -self.lag :]
        yield self.gain * torch.stack([0.25 * held, 0.5 * held])
