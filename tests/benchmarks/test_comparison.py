import json

import torch
from rich.console import Console

from benchmarks.comparison import Comparison, machine

COMPARISON = Comparison(
    title="a race",
    conditions={"track": "wet"},
    ways={"hare": {"steps": 1234, "seconds": 0.5}, "hedgehog": {"steps": 2468, "seconds": 0.25}},
    ratios={"steps": 2.0, "seconds": 0.5},
)


def test_figures_and_ratios_stand_at_the_top_of_the_file():
    assert json.loads(json.dumps(COMPARISON.to_dict())) == {
        "title": "a race",
        "conditions": {"track": "wet"},
        "hare": {"steps": 1234, "seconds": 0.5},
        "hedgehog": {"steps": 2468, "seconds": 0.25},
        "ratio_steps": 2.0,
        "ratio_seconds": 0.5,
    }


def test_the_table_shows_every_figure_with_its_ratio_and_the_conditions():
    console = Console(width=80)
    with console.capture() as shown:
        console.print(COMPARISON.table())
    lines = shown.get().splitlines()
    [steps] = [line for line in lines if "steps" in line]
    [seconds] = [line for line in lines if "seconds" in line]
    assert [cell.strip() for cell in steps.split("│")[1:-1]] == ["steps", "1,234", "2,468", "2.00"]
    assert [cell.strip() for cell in seconds.split("│")[1:-1]] == ["seconds", "0.5", "0.25", "0.50"]
    assert "track wet" in shown.get()


def test_the_machine_of_a_figure_is_named():
    found = machine(torch.device("cpu"))
    assert found["torch"] == torch.__version__
    assert found["device"]
