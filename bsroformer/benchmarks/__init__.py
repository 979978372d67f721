"""What is measured, one benchmark a file: a class whose `run` gives `Findings`, figures of several ways to do a thing.

A new one is a file here and a file of the same name in ``configs/what/``.
"""

from bsroformer.benchmarks.comparison import Comparison, Findings
from bsroformer.benchmarks.evaluation import Evaluation
from bsroformer.benchmarks.loader import Loader
from bsroformer.benchmarks.loading import Loading
from bsroformer.benchmarks.public_step import PublicStep
from bsroformer.benchmarks.separation import Separation
from bsroformer.benchmarks.training_step import TrainingStep

__all__ = ["Comparison", "Evaluation", "Findings", "Loader", "Loading", "PublicStep", "Separation", "TrainingStep"]
