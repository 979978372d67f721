import pytest

from bsroformer.audio.encoders import DeferredErrorFile


def test_written_bytes_can_be_replaced(tmp_path):
    file = DeferredErrorFile(tmp_path / "a")
    assert file.write(b"abcdef") == 6
    assert file.seek(1) == 1
    assert file.write(b"X") == 1
    assert file.tell() == 2
    file.check()
    file.close()
    assert (tmp_path / "a").read_bytes() == b"aXcdef"


def test_an_error_is_raised_by_check_and_close_only(tmp_path, monkeypatch):
    file = DeferredErrorFile(tmp_path / "a")
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
