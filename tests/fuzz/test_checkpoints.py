import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from checkpoints import fuzz, write_native


def test_a_mutated_checkpoint_is_a_model_or_one_sentence(tmp_path):
    write_native(tmp_path / "native.ckpt")
    refused, faults = fuzz(tmp_path / "native.ckpt", 60, 0, tmp_path)
    assert not faults
    assert refused > 30
