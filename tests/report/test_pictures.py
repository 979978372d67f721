import base64
from pathlib import Path

import pytest
import torch
from matplotlib.figure import Figure

from bsroformer.audio.files import write
from bsroformer.figures.style import DARK, LIGHT
from bsroformer.report.pictures import drawn_image, drawn_plot, picture_file, plot_file, preview_picture

SVG = f'<svg xmlns="http://www.w3.org/2000/svg"><path fill="{LIGHT.text}"/></svg>'


def decoded(uri: str | None) -> tuple[str, bytes]:
    assert uri
    head, _, data = uri.partition(",")
    return head, base64.b64decode(data)


def test_a_plot_is_drawn_once_and_has_both_themes():
    picture = drawn_plot(Figure(figsize=(1, 1), facecolor=LIGHT.card))
    (kind, light), (_, dark) = decoded(picture.light), decoded(picture.dark)
    assert kind == "data:image/svg+xml;base64"
    assert LIGHT.card.encode() in light and DARK.card.encode() not in light
    assert DARK.card.encode() in dark and LIGHT.card.encode() not in dark


def test_spectrograms_are_drawn_in_both_themes():
    picture = drawn_image(Figure(figsize=(1, 1), facecolor=LIGHT.card))
    for source in (picture.light, picture.dark):
        head, data = decoded(source)
        assert head == "data:image/webp;base64"
        assert data.startswith(b"RIFF") and data[8:12] == b"WEBP"
    assert picture.light != picture.dark


def test_a_plot_on_the_disk_has_both_themes(tmp_path):
    (tmp_path / "SI-SDR.svg").write_text(SVG)
    picture = plot_file(tmp_path, "SI-SDR")
    assert picture
    assert decoded(picture.light)[1].decode() == SVG
    assert decoded(picture.dark)[1].decode() == SVG.replace(LIGHT.text, DARK.text)


@pytest.mark.parametrize("damaged", [False, True])
def test_a_plot_of_an_earlier_version_is_shown_as_it_is(tmp_path, damaged):
    (tmp_path / "SI-SDR.png").write_bytes(b"\x89PNG...")
    if damaged:
        (tmp_path / "SI-SDR.svg").write_bytes(b"\xff\xfe")
    picture = plot_file(tmp_path, "SI-SDR")
    assert picture and picture.dark is None
    assert decoded(picture.light) == ("data:image/png;base64", b"\x89PNG...")
    assert plot_file(tmp_path, "uSDR") is None


def test_a_folder_in_the_place_of_a_picture_is_none(tmp_path):
    (tmp_path / "a.png").mkdir()
    assert picture_file(tmp_path / "a.png") is None


def preview(folder: Path, stems: tuple[str, ...] = ("vocals", "other")) -> dict[str, Path]:
    """The sounds of a preview."""
    tone = 0.1 * torch.sin(torch.arange(4000.0))[None]
    places = {"mixture": folder / "mixture.wav", "targets": folder / "target", "estimates": folder / "step-000002"}
    write(places["mixture"], tone, 8000)
    for place in ("targets", "estimates"):
        for stem in stems:
            write(places[place] / f"{stem}.wav", tone, 8000)
    return places


def test_a_preview_is_drawn_from_its_sounds(tmp_path):
    picture = preview_picture(**preview(tmp_path), stems=["vocals", "other"], title="step 2")
    assert picture and picture.dark
    assert picture == preview_picture(**preview(tmp_path), stems=["vocals", "other"], title="step 2")


def test_a_preview_with_missing_sounds_has_the_saved_figure(tmp_path):
    places = preview(tmp_path)
    (places["targets"] / "other.wav").unlink()
    assert preview_picture(**places, stems=["vocals", "other"], title="step 2") is None
    (places["estimates"] / "spectrograms.png").write_bytes(b"\x89PNG...")
    picture = preview_picture(**places, stems=["vocals", "other"], title="step 2")
    assert picture and picture.dark is None


def test_sounds_of_a_preview_that_differ_in_length_are_not_drawn(tmp_path):
    places = preview(tmp_path)
    write(places["targets"] / "other.wav", torch.zeros(1, 100), 8000)
    assert preview_picture(**places, stems=["vocals", "other"], title="step 2") is None
