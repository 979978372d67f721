"""``configs/check_gpu.yaml``."""

from bsroformer.launch.schemas.kinds import Gigabytes
from bsroformer.launch.schemas.train import TrainConfig


class CheckGpuConfig(TrainConfig):
    """A training, and the memory to check it against."""

    memory_gb: Gigabytes | None = None
