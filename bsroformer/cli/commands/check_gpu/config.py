"""``configs/check_gpu.yaml``."""

from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.cli.schemas.kinds import Gigabytes


class CheckGpuConfig(TrainConfig):
    """A training, and the memory to check it against."""

    memory_gb: Gigabytes | None = None

    @property
    def memory_to_check_gb(self) -> float | None:
        """See `TrainConfig`."""
        return self.memory_gb
