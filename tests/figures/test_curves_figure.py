import math

import pytest

from bsroformer.figures import curves_figure


def shown(rows: dict[int, dict[str, float]]) -> dict[str, list[str]]:
    """The titles of the panels, and the labels of the lines in each."""
    panels = curves_figure(rows, ["vocals", "other"]).axes
    return {panel.get_title(loc="left"): [str(line.get_label()) for line in panel.lines] for panel in panels}


def test_scores_loss_and_terms_have_panels():
    rows = {
        1: {"train/loss": 1.0, "train/complex": 0.5, "train/memory_gib": 1.0},
        2: {"val/loss": 1.0, "val/si_sdr": 1.0, "val/si_sdr_other": 2.0},
    }
    assert shown(rows) == {
        "validation SI-SDR (dB)": ["other", "mean"],
        "loss": ["training", "validation"],
        "terms of the loss, unweighted": ["complex"],
    }


def test_what_was_logged_besides_has_a_small_panel_each():
    names = ("train/learning_rate", "train/gradient_norm", "train/audio_seconds_per_second")
    panels = shown({step: dict.fromkeys(names, 1.0) for step in (1, 2)})
    assert list(panels)[3:] == ["learning rate", "gradient norm, unclipped", "seconds of audio per second"]


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0])
def test_values_outside_a_scale_are_not_drawn(tmp_path, value):
    rows = {step: {"train/loss": value, "train/gradient_norm": value, "val/si_sdr": value} for step in (1, 2)}
    curves_figure(rows, []).savefig(tmp_path / "curves.png", dpi=20)
    assert (tmp_path / "curves.png").stat().st_size
