"""Measure the program against a plainer way to do the same: ``scripts/benchmark.py``."""

import json
from pathlib import Path

from omegaconf import DictConfig

from bsroformer.benchmarks import Findings
from bsroformer.devices import keep_freed_memory
from bsroformer.launch.config import plain, prepared
from bsroformer.launch.errors import user_errors
from bsroformer.launch.songs import make
from bsroformer.launch.terminal import terminal


@user_errors
def benchmark(cfg: DictConfig) -> Findings:
    """Run the benchmark that ``what`` names; print its table and write its figures.

    Args:
        cfg: ``configs/benchmark.yaml``, composed.
    """
    cfg = prepared(cfg)
    console = terminal()
    keep_freed_memory()
    chosen = make(plain(cfg.benchmark))
    with console.status("measuring"):
        findings: Findings = chosen.run()
    console.print(findings.table())
    if cfg.output:
        path = Path(cfg.output).expanduser()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(findings.to_dict(), indent=2) + "\n", encoding="utf-8")
        console.print(f"The figures are in {path}")
    return findings
