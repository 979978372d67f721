import pytest

from bsroformer.audio.patient_file import PatientFile


def test_what_is_written_is_there_and_can_be_changed(tmp_path):
    file = PatientFile(tmp_path / "a")
    assert file.write(b"abcdef") == 6
    assert (file.seek(1), file.write(b"X"), file.tell()) == (1, 1, 2)
    file.check()
    file.close()
    assert (tmp_path / "a").read_bytes() == b"aXcdef"


def test_an_error_waits_until_it_is_asked_for(tmp_path, monkeypatch):
    file = PatientFile(tmp_path / "a")
    file._file.close()
    monkeypatch.setattr(file, "_file", FullDisk())
    assert file.write(b"abc") == file.write(b"def"[:3]) == 3
    with pytest.raises(OSError, match="No space left"):
        file.check()
    with pytest.raises(OSError, match="No space left"):
        file.close()


class FullDisk:
    def write(self, data):
        raise OSError(28, "No space left on device")

    def close(self):
        pass
