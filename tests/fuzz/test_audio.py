import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from audio import fuzz


def test_a_mutated_audio_file_is_read_or_refused_in_a_sentence(tmp_path):
    refused, faults = fuzz(200, 0, tmp_path)
    assert not faults
    assert 10 < refused < 150
