import base64
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from matplotlib.figure import Figure
from pages import Page
from test_evaluation_tables import FULL, LITE, METRICS, MIXTURE, ORACLE, method, results

from bsroformer.errors import InputError
from bsroformer.metrics import METRICS as REGISTRY
from bsroformer.report import excerpt_players
from bsroformer.report.evaluation_page import write_evaluation_report
from bsroformer.report.excerpts import Excerpt

RATE = 8000
ODD = '<b>"x" & y</b>'


def write_excerpt(folder: Path, song: str, score: float, level: float = 0.1) -> None:
    references = level * torch.randn(2, 1, RATE)
    excerpt = Excerpt(folder / song, song, score, 83.0, ("vocals", "other"))
    excerpt.write(references.sum(0), references, 0.5 * references, RATE)


def write_results(folder: Path, tree: dict[str, Any]) -> None:
    (folder / "results.json").write_text(json.dumps(tree), "utf-8")


def report(folder: Path) -> Page:
    write_evaluation_report(folder)
    return Page((folder / "report.html").read_text("utf-8"))


@pytest.fixture(autouse=True)
def blank_spectrograms(monkeypatch) -> None:
    """Spectrograms with nothing in them: most of a page's time goes into drawing them."""
    for name in ("comparison_figure", "methods_figure"):
        monkeypatch.setattr(excerpt_players, name, lambda *_, **__: Figure(figsize=(1, 1)))


@pytest.fixture
def folder(tmp_path) -> Path:
    """The folder of an evaluation of two methods that has everything."""
    pair = {"difference": 1.25, "interval": [0.5, 2.0], "better": 1, "songs": 1}
    tree = results(MIXTURE, LITE, FULL | {"name": ODD}, ORACLE)
    tree["differences"] = [
        {
            "method": ODD,
            "minus": "lite",
            "songs": 1,
            "scores": {of: dict.fromkeys(METRICS, pair) for of in LITE["scores"]},
        }
    ]
    tree["failures"] = [{"song": "Damaged", "method": None, "reason": "It ends at second 3."}]
    tree["made"] = {"versions": {"museval": "0.4.1"}, "methods": {ODD: {"checkpoint": "https://example.org/x.ckpt"}}}
    write_results(tmp_path, tree)
    write_excerpt(tmp_path / "excerpts" / "lite", "A", 2.0)
    (tmp_path / "plots").mkdir()
    for metric in METRICS:
        (tmp_path / "plots" / f"{metric}.svg").write_text(f"<svg>{metric}</svg>")
    return tmp_path


def test_an_evaluation_is_shown_with_all_that_it_has(folder):
    page = report(folder)
    for shown in (
        "1 test song · vocals, other",
        "the best of 2",
        "Damaged",
        "It ends at second 3.",
        "is the floor",
        "IRM1 is a ceiling",
        "5 of 1,234",
        "+1.25",
        "better in 1 of 1",
        "1 s from 1:23",
        "museval",
        *(REGISTRY[metric].definition for metric in METRICS),
    ):
        assert shown in page.text, shown
    assert len(page.sources("audio")) == 1 + 2 * (2 + 2)  # references stand beside errors too
    assert len(page.sources("img")) == len(page.dark_sources()) == len(METRICS) + 1
    # a summary, one for each metric, a pair, songs of four methods, undefined seconds, provenance
    assert len([tag for tag, _ in page.elements if tag == "table"]) == 1 + 2 + 1 + 4 + 1 + 1


def test_a_single_method_has_its_scores_and_intervals_first(folder):
    write_results(folder, results(MIXTURE, LITE, ORACLE))
    page = report(folder)
    assert "95 %: 1.00 to 3.00" in page.text
    assert "Differences" not in page.text


def test_the_page_is_one_file_that_needs_no_network(folder):
    page = report(folder)
    assert page.has_nothing_from_elsewhere()
    assert not [attributes for _, attributes in page.elements if "href" in attributes]
    source = (folder / "report.html").read_text("utf-8").replace("https://example.org/x.ckpt", "")
    assert not re.search(r"https?://|@import|url\(", source)


def test_names_are_text_and_not_markup(folder):
    page = report(folder)
    assert "<b>&#34;x&#34;" not in (folder / "report.html").read_text("utf-8")
    assert ODD in page.text
    assert any(ODD in (attributes.get("aria-label") or "") for _, attributes in page.elements)


@pytest.mark.parametrize("missing", ["plots", "excerpts", "plots/cSDR.svg"])
def test_missing_files_have_no_part_of_an_evaluations_page(folder, missing):
    path = folder / missing
    path.unlink() if path.is_file() else shutil.rmtree(path)
    page = report(folder)
    assert len(page.sources("img")) == {"plots": 1, "excerpts": 2, "plots/cSDR.svg": 2}[missing]


def test_an_evaluation_without_songs_or_models_has_a_page(folder):
    nothing = method("lite", "model", None, None) | {"songs": [], "seconds": 0, "seconds_undefined": 0}
    write_results(folder, results(nothing) | {"songs": 0, "undefined_seconds": []})
    assert "–" in report(folder).text
    write_results(folder, results(MIXTURE, ORACLE))
    assert "IRM1" in report(folder).text


def test_worst_songs_precede_the_best_without_unscored_ones(folder):
    song = LITE["songs"][0]
    several = LITE | {"songs": [song | {"song": name} for name in ("good", "bad", "fair", "best")]}
    write_results(folder, results(several))
    shutil.rmtree(folder / "excerpts")
    for name, score in {"good": 4.0, "bad": -1.0, "fair": 2.0, "best": 9.0, "elsewhere": 99.0}.items():
        write_excerpt(folder / "excerpts" / "lite", name, score)
    write_evaluation_report(folder)
    source = (folder / "report.html").read_text("utf-8")
    assert re.findall(r'class="end \w+">(\w+)</span> <span class="title">(\w+)<', source) == [
        ("worst", "bad"),
        ("worst", "fair"),
        ("best", "best"),
        ("best", "good"),
    ]


def heard_together(page: Page) -> list[str | None]:
    """The names of all players."""
    return [attributes["aria-label"] for tag, attributes in page.elements if tag == "audio"]


def test_a_song_is_heard_under_all_methods_in_one_row(folder):
    write_excerpt(folder / "excerpts" / ODD, "A", 1.0)
    page = report(folder)
    stems = [f"{stem}, {of}" for stem in ("vocals", "other") for of in ("reference", "lite", ODD)]
    assert heard_together(page)[: 1 + len(stems)] == ["mixture", *stems]
    assert sum("song" in (attributes.get("class") or "").split() for _, attributes in page.elements) == 1


def test_a_colour_stands_for_a_method_or_for_a_stem(folder):
    several = coloured(report(folder))
    assert {"lite": "of-0", ODD: "of-1", "mixture": "of-floor", "IRM1": "of-ceiling"}.items() <= several.items()
    assert not {"vocals", "other"} & several.keys()
    write_results(folder, results(MIXTURE, LITE, ORACLE))
    one = coloured(report(folder))
    assert {"vocals": "of-0", "other": "of-1", "mixture": "of-floor"}.items() <= one.items()
    assert "lite" not in one


def coloured(page: Page) -> dict[str, str]:
    """What stands after a dot, and the class of its colour; never of two."""
    found: dict[str, set[str]] = {}
    for colour, name in page.dots:
        found.setdefault(name, set()).add(colour)
    assert all(len(colours) == 1 for colours in found.values())
    return {name: next(iter(colours)) for name, colours in found.items()}


def samples(source: str) -> np.ndarray:
    return soundfile.read(io.BytesIO(base64.b64decode(source.partition(",")[2])))[0]


@pytest.mark.parametrize(("level", "gain"), [(0.1, 1.0), (1.0, None)])
def test_players_are_as_loud_as_the_files_or_turned_down_alike(folder, level, gain):
    shutil.rmtree(folder / "excerpts")
    write_results(folder, results(MIXTURE, LITE, ORACLE))
    write_excerpt(folder / "excerpts" / "lite", "A", 2.0, level)
    page = report(folder)
    mixture, references, estimates, _ = Excerpt(folder / "excerpts/lite/A", "A", 2.0, 0.0, ("vocals", "other")).read()
    errors = estimates - references
    files = [mixture, *(signal for three in zip(references, estimates, errors, strict=True) for signal in three)]
    sounds = [samples(source) for source in page.sources("audio")]
    ratios = [np.std(sound) / float(file.std()) for sound, file in zip(sounds, files, strict=True)]
    assert ratios == pytest.approx([ratios[0]] * len(ratios), rel=0.05)
    assert ("turned down" in page.text) == (gain is None)
    assert max(np.abs(sound).max() for sound in sounds) <= 1
    if gain:
        assert ratios[0] == pytest.approx(gain, rel=0.1)


def test_a_folder_without_results_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match=r"has no results\.json"):
        write_evaluation_report(tmp_path)
