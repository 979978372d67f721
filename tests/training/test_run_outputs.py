import warnings

import pytest
import torch
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger, WandbLogger

from bsroformer.audio.files import write
from bsroformer.errors import InputError
from bsroformer.figures import curves_figure
from bsroformer.training.run_outputs import log_picture, log_sound, log_table, warn_on_write_error


class FakeWandb(WandbLogger):
    """Record the logged tables."""

    def __init__(self) -> None:
        self.shown: list[object] = []

    def log_table(self, key, columns, data, step) -> None:
        self.shown.append((key, columns, data, step))


class FakeTensorBoard(TensorBoardLogger):
    """Record what is logged, without the package that writes it."""

    def __init__(self) -> None:
        self.shown: list[tuple] = []

    @property
    def experiment(self) -> "FakeTensorBoard":
        return self

    def add_image(self, name, image, step, dataformats) -> None:
        self.shown.append((name, image, step, dataformats))

    def add_audio(self, name, audio, step, rate) -> None:
        self.shown.append((name, audio, step, rate))

    def add_text(self, name, text, step) -> None:
        self.shown.append((name, text, step))


def test_tensorboard_gets_pictures_as_height_width_channels(tmp_path):
    curves_figure({1: {"val/si_sdr": 1.0}}, []).savefig(tmp_path / "a.png", dpi=10)
    log_picture([logger := FakeTensorBoard()], "a", tmp_path / "a.png", 5)
    [(name, image, step, formats)] = logger.shown
    assert (name, step, formats) == ("a", 5, "HWC")
    assert image.shape[:2] == (80, 120)
    assert image.shape[2] in (3, 4)


def test_tensorboard_gets_one_channel_within_its_range(tmp_path):
    write(tmp_path / "a.wav", torch.tensor([[0.5, 3.0, -3.0], [0.1, 3.0, -3.0]]), 8000)
    log_sound([logger := FakeTensorBoard()], "a", tmp_path / "a.wav", 5)
    [(name, audio, step, rate)] = logger.shown
    assert (name, step, rate) == ("a", 5, 8000)
    torch.testing.assert_close(audio, torch.tensor([0.3, 1.0, -1.0]))


def test_tensorboard_gets_a_table_as_text():
    loggers = FakeWandb(), FakeTensorBoard()
    log_table(loggers, "scores", ("song", "SI-SDR"), [("A", 1.25)], 5)
    assert loggers[0].shown == [("scores", ["song", "SI-SDR"], [["A", 1.25]], 5)]
    assert loggers[1].shown == [("scores", "| song | SI-SDR |\n| --- | --- |\n| A | 1.25 |", 5)]


def test_other_loggers_are_ignored(tmp_path):
    logger = CSVLogger(str(tmp_path))
    log_picture([logger], "a", tmp_path / "none.png", 1)
    log_sound([logger], "a", tmp_path / "none.wav", 1)
    log_table([logger], "a", (), [], 1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [OSError("no space"), InputError("no space")])
def test_write_errors_are_warnings(error):
    with pytest.warns(UserWarning, match=r"Training continues: .*no space"), warn_on_write_error():
        raise error


def test_other_errors_are_raised():
    with pytest.raises(KeyError), warnings.catch_warnings(), warn_on_write_error():
        raise KeyError
