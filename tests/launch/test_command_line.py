import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from bsroformer.launch.command_line import quote_paths


@pytest.mark.parametrize(
    "path",
    [
        "Song (Live).mp3",
        "Tom's.mp3",
        "a=b.mp3",
        "~/Music/a, b & c.flac",
        "Ünïcode – täst.wav",
        "plain/song.wav",
        "C:\\Music\\song.wav",
        "[live] song.wav".replace("[", "{").replace("]", "}"),
    ],
)
def test_a_path_arrives_as_the_shell_gave_it(path):
    (argument,) = quote_paths([f"input={path}"])
    (override,) = OverridesParser.create().parse_overrides([argument])
    assert override.value() == path


@pytest.mark.parametrize(
    "argument",
    [
        "model=lite",
        "data.root='~/a b'",
        "ckpt=[a.ckpt,b.ckpt]",
        "ckpt={a: x.ckpt, b: y}",
        "optimizer.lr=1e-4,3e-4",
        "-m",
        "~logger",
    ],
)
def test_everything_else_stays_as_it_is(argument):
    assert quote_paths([argument]) == [argument]
