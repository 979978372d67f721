"""Figures in a page as data URIs, in a light and a dark theme."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from bsroformer.audio.files import read
from bsroformer.errors import InputError
from bsroformer.figures import separation_figure
from bsroformer.figures.style import darken, in_dark
from bsroformer.report.media import LONGEST_SECONDS, data_uri
from bsroformer.safe_files import ReadingLimits, read_bytes, read_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURE_LIMITS = ReadingLimits(size=2**26)
"""Limits of a figure in the folder of a run: a page holds several."""
DPI = 110


@dataclass(frozen=True)
class Picture:
    """The source of an image, and that for a dark theme, if any."""

    light: str
    dark: str | None = None


def picture_file(path: Path) -> Picture | None:
    """Embed a PNG file, for both themes; None if it cannot be read."""
    try:
        return Picture(data_uri(read_bytes(path, PICTURE_LIMITS), path.suffix)) if path.exists() else None
    except InputError:
        return None


def plot_file(folder: Path, name: str) -> Picture | None:
    """Embed a plot in SVG, in the light theme, or in PNG as from earlier versions.

    Pages show it as an image, in which browsers run and load nothing.
    """
    path = folder / f"{name}.svg"
    try:
        return _both(read_text(path, PICTURE_LIMITS)) if path.exists() else picture_file(path.with_suffix(".png"))
    except InputError:
        return picture_file(path.with_suffix(".png"))


def drawn_plot(figure: "Figure") -> Picture:
    """Embed a plot, drawn in the light theme, as SVG."""
    file = BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    return _both(file.getvalue().decode("utf-8"))


def _both(svg: str) -> Picture:
    """Embed an SVG of the light theme, and its colours in the dark one."""
    light = data_uri(svg.encode("utf-8"), ".svg")
    dark = data_uri(in_dark(svg).encode("utf-8"), ".svg")
    return Picture(light, dark)


def drawn_image(figure: "Figure") -> Picture:
    """Embed spectrograms, drawn in the light theme.

    WebP takes a tenth of PNG's size for them.
    """
    light = _webp(figure)
    darken(figure)
    return Picture(light, _webp(figure))


def _webp(figure: "Figure") -> str:
    file = BytesIO()
    figure.savefig(file, format="webp", dpi=DPI, pil_kwargs={"quality": 82})
    return data_uri(file.getvalue(), ".webp")


def preview_picture(mixture: Path, targets: Path, estimates: Path, stems: Sequence[str], title: str) -> Picture | None:
    """Draw the spectrograms of a preview from its sounds.

    Args:
        mixture: File of the mixture.
        targets: Folder of the true stems.
        estimates: Folder of the separated stems, with the training's figure.
        stems: Names of the stems.
        title: Heading of the figure.

    Returns:
        The figure; if sounds are missing or damaged the training's, or None.
    """
    files = (mixture, *(folder / f"{stem}.wav" for folder in (targets, estimates) for stem in stems))
    if stems and all(file.is_file() for file in files):
        try:
            return _spectrograms(files, tuple(file.stat().st_mtime_ns for file in files), tuple(stems), title)
        except InputError:
            pass
    return picture_file(estimates / "spectrograms.png")


@lru_cache(maxsize=2)
def _spectrograms(files: tuple[Path, ...], modified: tuple[int, ...], stems: tuple[str, ...], title: str) -> Picture:
    """Draw the sounds of files, cached for their times `modified`."""
    sounds = [read(file, frames=LONGEST_SECONDS * 44_100) for file in files]
    (mixture, rate), *others = sounds
    if any(audio.shape != mixture.shape or of != rate for audio, of in others):
        raise InputError(f"{files[0]} and the stems beside it differ in length, channels or rate")
    signals = torch.stack([audio for audio, _ in others])  # n c t
    pair = signals[: len(stems)], signals[len(stems) :]
    return drawn_image(separation_figure(mixture, *pair, stems, rate, title))
