"""The palette: contrast by WCAG 2.2, and differences under colour blindness."""

from itertools import combinations

import numpy as np
import pytest

from bsroformer.figures.style import DARK, LIGHT, in_dark

# Machado, Oliveira, Fernandes: A Physiologically-based Model for Simulation of Color Vision Deficiency, 2009, table 1.
SEEN = {
    "all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
# Ottosson: A perceptual color space for image processing, 2020.
TO_CONES = [
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
]
TO_OKLAB = [
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
]
OKABE_ITO = 0.076
"""The smallest difference within Okabe and Ito's palette, in OKLab."""


def linear(colour: str) -> np.ndarray:
    srgb = np.array([int(colour[n : n + 2], 16) for n in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def oklab(rgb: np.ndarray) -> np.ndarray:
    return np.array(TO_OKLAB) @ np.cbrt(np.array(TO_CONES) @ np.clip(rgb, 0, 1))


def contrast(*pair: str) -> float:
    darker, lighter = sorted(float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in pair)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize("eyes", SEEN)
def test_any_two_colours_differ_for_all_readers(theme, eyes):
    seen = [oklab(np.array(SEEN[eyes]) @ linear(colour)) for colour in theme.palette]
    assert min(np.linalg.norm(one - other) for one, other in combinations(seen, 2)) > OKABE_ITO


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_text_and_lines_stand_out_from_the_ground(theme):
    for ground in (theme.ground, theme.card):
        assert contrast(theme.text, ground) > 7
        assert contrast(theme.faint, ground) > 4.5
        assert min(contrast(colour, ground) for colour in (*theme.palette, theme.ceiling)) > 2.3


def test_a_colour_means_one_thing():
    assert len(set(LIGHT.colours)) == len(set(DARK.colours)) == len(LIGHT.colours) == len(DARK.colours)


def test_a_light_svg_becomes_a_dark_one():
    svg = f'<path style="fill: {LIGHT.palette[2]}; stroke: {LIGHT.text}; stop-color: #123456"/>'
    assert in_dark(svg) == f'<path style="fill: {DARK.palette[2]}; stroke: {DARK.text}; stop-color: #123456"/>'
