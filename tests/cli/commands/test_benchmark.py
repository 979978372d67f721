import json

import pytest

from support.launched import CONFIGS, composed, launch

SMALL = ("model=tiny", "model.trunk.dim=8", "model.trunk.depth=1", "seconds=0.1", "repeats=1")


def test_the_script_prints_a_table_and_writes_the_figures(script, tmp_path):
    status, printed = script("benchmark", *SMALL, "output=figures/step.json")
    assert status == 0, printed
    assert "loop / grouped" in printed
    figures = json.loads((tmp_path / "figures" / "step.json").read_text("utf-8"))
    for way in ("grouped", "loop"):
        assert figures[way].keys() == {"operator_calls", "parameter_tensors", "seconds"}
    assert figures["ratio_calls"] == figures["loop"]["operator_calls"] / figures["grouped"]["operator_calls"]
    assert {"ratio_parameter_tensors", "ratio_seconds"} < figures.keys()
    assert [path.name for path in tmp_path.iterdir()] == ["figures"]  # and nothing else is left behind


def test_the_masks_width_is_chosen_on_the_command_line():
    cfg = composed("benchmark", "model=lite", "model.masks.expansion=4")
    assert cfg.benchmark.arguments["settings"]["masks"]["expansion"] == 4


def test_every_benchmark_has_a_config_that_names_it():
    for path in (CONFIGS / "what").glob("*.yaml"):
        cfg = composed("benchmark", f"what={path.stem}")
        assert cfg.benchmark.target.startswith("benchmarks.")


def test_a_wrong_option_is_one_sentence(capfd):
    with pytest.raises(SystemExit) as ended:
        launch("benchmark", *SMALL, "precision=fp8")
    assert ended.value.code == 2
    assert "precision=fp8" in capfd.readouterr().err
