"""Training step compared with that of the PyPI package ``bs-roformer``.

The models have the same weights.
"""

import warnings
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from benchmarks.comparison import Comparison
from benchmarks.measure import paired_seconds
from benchmarks.training_step import StepBenchmark, assert_equal_outputs, figures
from bsroformer.devices import choose_device
from bsroformer.errors import InputError
from bsroformer.extras import install_command
from bsroformer.kinds import Count
from bsroformer.models.bs_roformer import BandSplitRoformer
from bsroformer.models.bs_roformer.public.options import BsOptions, options_of
from bsroformer.models.bs_roformer.public.write import to_public
from bsroformer.models.bs_roformer.settings import RoformerSettings, roformer_settings
from bsroformer.training.memory.activations import saved_in_forward
from bsroformer.training.step import PlainStep, noise_stems, plain_step

FIXED = {"mlp_expansion_factor": 4, "skip_connection": False, "linear_transformer_depth": 0}
"""Settings that the package fixes."""
CLOSED = -1000.0
"""A gate's logit whose sigmoid is zero in every precision."""


@dataclass(frozen=True)
class PublicStep(StepBenchmark):
    """Compare operator calls, saved bytes and time of a training step.

    Both have the same weights, loss, optimiser, batch and autocast; the package's value residuals, which this project's
    model lacks, are gated off. An excerpt is cut to whole hops, since the package drops the remainder.

    Attributes:
        residual_streams: The package's hyper-connections. 1 is the same model as ours, and checked to be; the package's
            own default of 4 is a larger one.
    """

    residual_streams: Count

    def run(self) -> Comparison:
        """Measure a step of both models.

        Raises:
            InputError: If a setting is out of range, the package is missing, or has no such model.
            AssertionError: If the two models do not compute the same.
        """
        if self.repeats < 1 or self.residual_streams < 1:
            raise InputError(
                f"repeats={self.repeats} and residual_streams={self.residual_streams}; give 1 or more for each"
            )
        settings, device = roformer_settings(self.settings), choose_device(self.device)
        half = self.half(device)
        stems = whole_hops(noise_stems(settings, self.batch_size, self.seconds), settings).to(device)
        model = BandSplitRoformer(settings)
        models = model, PublicModel(model, self.residual_streams)
        ours, theirs = (plain_step(each, self.loss, self.optimizer, stems, half) for each in models)
        if self.residual_streams == 1:
            assert_equal_outputs(ours, theirs)
        our_seconds, their_seconds, ratio = paired_seconds(ours, theirs, self.repeats, device)
        ways = {"bsroformer": self._figures(ours, our_seconds), "bs-roformer": self._figures(theirs, their_seconds)}
        first, second = ways.values()
        ratios = {name: second[name] / first[name] for name in first} | {"seconds": ratio}
        conditions = {"residual_streams": self.residual_streams, **self.conditions(device)}
        return Comparison("A training step and the public package's", conditions, ways, ratios)

    def _figures(self, step: PlainStep[Any], seconds: float) -> dict[str, float]:
        saved = saved_in_forward(step) / 1e6 / (self.seconds * self.batch_size)
        return {"megabytes_saved_per_second_of_audio": saved, **figures(step, seconds)}


class PublicModel(nn.Module):
    """Model of the package with the weights of one of ours.

    It maps ``(b c t)`` to ``(b n c t)``, for whole hops.

    Args:
        model: The model with the sizes and weights to copy.
        residual_streams: Streams of its hyper-connections; 1 for none.

    Raises:
        InputError: If the package is missing or has no such model.
    """

    def __init__(self, model: BandSplitRoformer, residual_streams: int = 1) -> None:
        super().__init__()
        public = options_of(model.settings)
        if not isinstance(public, BsOptions):
            raise InputError("only models with bands side by side are compared with the package bs-roformer")
        options = public.model_dump()
        for name, value in FIXED.items():
            if options[name] != value:
                raise InputError(
                    f"the package bs-roformer has {name} {value} only, and this model {options[name]}; "
                    "choose model=lite_reference model.masks.expansion=4, for instance"
                )
        kind = imported_model()
        options = {name: value for name, value in options.items() if name not in FIXED}
        self.stems = len(model.stems)
        self.model = kind(**options, num_residual_streams=residual_streams)
        if residual_streams == 1:
            self._take_weights(to_public(model)[0])

    def _take_weights(self, weights: dict[str, Tensor]) -> None:
        """Copy weights, and close the gates of the value residuals."""
        for name, tensor in self.model.state_dict().items():
            known = name.replace(".branch.", ".")  # version 1.2 wraps each layer
            if known in weights:
                tensor.copy_(weights.pop(known))
            else:
                assert "to_value_residual_mix" in name, name
                tensor.fill_(CLOSED if name.endswith("bias") else 0.0)
        assert not weights, weights.keys()

    def forward(self, mixture: Tensor) -> Tensor:
        """Separate; the package drops the axis of a single stem."""
        found = self.model(mixture)
        return found if self.stems > 1 else found.unsqueeze(1)


def imported_model() -> type[nn.Module]:
    """Import the model of the package.

    Raises:
        InputError: If it is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from bs_roformer import BSRoformer
    except ImportError as error:
        raise InputError(
            f"what=public_step needs the package bs-roformer ({error}); {install_command('benchmark')}"
        ) from error
    return BSRoformer


def whole_hops(stems: Tensor, settings: RoformerSettings) -> Tensor:
    """Cut stems ``(b n c t)`` to whole hops.

    Raises:
        InputError: If nothing is left.
    """
    hop = settings.stft.hop_length
    frames = stems.shape[-1] // hop * hop
    if not frames:
        raise InputError(f"seconds is shorter than a hop of {hop} samples; raise it")
    return stems[..., :frames].contiguous()
