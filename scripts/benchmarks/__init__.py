"""Benchmarks: one class per file, whose `run` returns `Findings`.

A new benchmark needs a file here and one of the same name in ``configs/what/``.
"""

from benchmarks.ablation import Ablation
from benchmarks.comparison import Comparison, Findings
from benchmarks.evaluation import Evaluation
from benchmarks.learning import Learning
from benchmarks.loader import Loader
from benchmarks.loading import Loading
from benchmarks.public_step import PublicStep
from benchmarks.separation import Separation
from benchmarks.traffic import Traffic
from benchmarks.training_setup import TrainingSetup
from benchmarks.training_step import TrainingStep

__all__ = [
    "Ablation",
    "Comparison",
    "Evaluation",
    "Findings",
    "Learning",
    "Loader",
    "Loading",
    "PublicStep",
    "Separation",
    "Traffic",
    "TrainingSetup",
    "TrainingStep",
]
