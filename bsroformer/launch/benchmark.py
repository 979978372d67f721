"""Measure the program against a plainer way to do the same: ``scripts/benchmark.py``."""

import json

from omegaconf import DictConfig

from bsroformer.atomic import write_text
from bsroformer.benchmarks import Findings
from bsroformer.devices import keep_freed_memory
from bsroformer.launch.config import path_of, plain, prepared
from bsroformer.launch.errors import user_errors
from bsroformer.launch.run_folder import make_folder
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
    output = None if cfg.output is None else path_of(cfg.output, "output")
    if output is not None:
        make_folder(output.parent)
    keep_freed_memory()
    chosen = make(plain(cfg.benchmark))
    with console.status("measuring"):
        findings: Findings = chosen.run()
    console.print(findings.table())
    if output is not None:
        write_text(output, json.dumps(findings.to_dict(), indent=2) + "\n")
        console.print(f"The figures are in {output}")
    return findings
