"""Measure the program against plainer methods: ``scripts/benchmark.py``."""

import json

from benchmarks import Findings
from bsroformer.atomic import write_text
from bsroformer.cli.commands.benchmark.config import BenchmarkConfig
from bsroformer.cli.console import terminal
from bsroformer.cli.output_folder import make_folder
from bsroformer.devices import keep_freed_memory


def benchmark(cfg: BenchmarkConfig) -> Findings:
    """Run the benchmark that ``what`` names; print its table and write its figures."""
    console = terminal()
    output = cfg.output
    if output is not None:
        make_folder(output.parent)
    keep_freed_memory()
    chosen = cfg.benchmark.build()
    with console.status("measuring"):
        findings: Findings = chosen.run()
    console.print(findings.table())
    if output is not None:
        write_text(output, json.dumps(findings.to_dict(), indent=2) + "\n")
        console.print(f"The figures are in {output}")
    return findings
