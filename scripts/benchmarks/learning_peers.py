"""Recipes of ``what=learning``: this project's, and two for each model of a public package.

One has the settings of its authors. The adapted one has this project's excerpts, loss, learning rate and schedule, with
AdamW, since Muon has to know the hidden matrices of a model. RoFormers have this project's dim, depth and heads, and
the adapted ones its bands and its initial masks; SCNet has its own spectrum, bands and sizes in both, and the adapted
one SDR in place of SI-SDR, since it has no masks that could give its stems the right sign.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Adam, AdamW

from benchmarks.learning_recipe import Recipe
from bsroformer.errors import InputError
from bsroformer.extras import install_command
from bsroformer.losses import MultiDomainLoss, MultiResolutionLoss
from bsroformer.models.bs_roformer.settings import FixedBands, RoformerSettings
from bsroformer.training.optimizer import MakesOptimizer
from bsroformer.training.schedule import constant_then_decay

BS_ROFORMER = "bs-roformer"
MSST = "msst"
N_FFT = 2048
PAPER_LR = 5e-4
"""arXiv 2309.02612, section 4.1; the package bs-roformer has no training of its own."""
MSST_ROFORMER_LR = 5e-5
"""This and the next two are from ``configs/config_musdb18_bs_roformer.yaml`` of msst's repository."""
MSST_ROFORMER_DROPOUT = 0.1
MSST_ROFORMER_SECONDS = 131_584 / 44_100
MSST_SCNET_LR = 5e-4
"""This and the next one are from ``configs/config_musdb18_scnet.yaml`` of msst's repository."""
MSST_SCNET_SECONDS = 6.0
SCNET_LAYERS = 2
"""Dual-path layers of SCNet, instead of 6, for about as many parameters as ``model=tiny``."""
INSTALL_MSST = f"{install_command('benchmark')} && pip install --no-deps {MSST}"
"""Without its dependencies, since it requires an older PyTorch; those that it needs here are bs-roformer's."""
CONSTANT = partial(constant_then_decay, warmup_steps=0, decay=0.0, final=1.0)


@contextmanager
def without_warnings() -> Iterator[None]:
    """Ignore what the packages' code causes, such as warnings of deprecated calls."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class MeanSquare(nn.Module):
    """Mean square of the error: msst's default ``masked_loss`` at batch size 1."""

    def forward(self, estimate: Tensor, target: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Compare stems ``(b n c t)``."""
        loss = F.mse_loss(estimate.float(), target.float())
        return loss, {"mean_square": loss}


class Peer(nn.Module):
    """A peer's model, for mixtures of any length.

    Args:
        model: Maps ``(b c t)`` to ``(b n c t)``; it may drop the samples after the last whole hop.
        hop_length: Samples of a hop.
    """

    def __init__(self, model: nn.Module, hop_length: int) -> None:
        super().__init__()
        self.model = model
        self.hop_length = hop_length

    def forward(self, mixture: Tensor) -> Tensor:
        """Separate ``(b c t)`` into ``(b n c t)``."""
        frames = mixture.shape[-1]
        whole_hops = F.pad(mixture, (0, -frames % self.hop_length))
        with without_warnings():
            stems = self.model(whole_hops)
        return stems[..., :frames]


def recipes(own: Recipe, adamw: MakesOptimizer, settings: RoformerSettings) -> dict[str, Recipe]:
    """Return the recipe of each method by name.

    Args:
        own: This project's.
        adamw: AdamW with its learning rate.
        settings: Sizes of its model.
    """
    paper_loss = MultiResolutionLoss((4096, 2048, 1024, 512, 256), hop_length=147, n_fft=settings.stft.n_fft)
    authors = replace(own, loss=paper_loss, scheduler=CONSTANT, clip=None)
    adapted = replace(own, optimizer=adamw)
    return {
        "ours": own,
        **bs_roformer_recipes(authors, adapted, settings),
        **msst_roformer_recipes(authors, adapted, settings),
        **scnet_recipes(authors, adapted, settings),
    }


def bs_roformer_recipes(authors: Recipe, adapted: Recipe, settings: RoformerSettings) -> dict[str, Recipe]:
    """Return the recipes of the package bs-roformer.

    The adapted model has no hyper-connections, like ours.
    """
    model = partial(roformer, "bs_roformer", settings)
    as_ours = partial(model, shares_mixture=True, freqs_per_bands=band_widths(settings), num_residual_streams=1)
    optimizer = partial(AdamW, lr=PAPER_LR, fused=True)
    return {
        "bs_roformer": replace(authors, model=model, optimizer=optimizer, package=BS_ROFORMER),
        "bs_roformer_adapted": replace(adapted, model=as_ours, package=BS_ROFORMER),
    }


def msst_roformer_recipes(authors: Recipe, adapted: Recipe, settings: RoformerSettings) -> dict[str, Recipe]:
    """Return the recipes of msst's BS-RoFormer."""
    model = partial(roformer, "msst.models.bs_roformer", settings)
    with_dropout = partial(model, attn_dropout=MSST_ROFORMER_DROPOUT, ff_dropout=MSST_ROFORMER_DROPOUT)
    sizes = {"freqs_per_bands": band_widths(settings), "mlp_expansion_factor": settings.masks.expansion}
    as_ours = partial(model, shares_mixture=True, **sizes)
    optimizer = partial(Adam, lr=MSST_ROFORMER_LR, fused=True)
    theirs = replace(authors, model=with_dropout, optimizer=optimizer, seconds=MSST_ROFORMER_SECONDS, package=MSST)
    return {
        "msst_bs_roformer": theirs,
        "msst_bs_roformer_adapted": replace(adapted, model=as_ours, package=MSST),
    }


def scnet_recipes(authors: Recipe, adapted: Recipe, settings: RoformerSettings) -> dict[str, Recipe]:
    """Return the recipes of msst's SCNet (arXiv 2401.13276)."""
    model = partial(scnet, settings)
    optimizer = partial(Adam, lr=MSST_SCNET_LR, fused=True)
    theirs = replace(authors, loss=MeanSquare(), optimizer=optimizer, seconds=MSST_SCNET_SECONDS)
    return {
        "msst_scnet": replace(theirs, model=model, package=MSST),
        "msst_scnet_adapted": replace(adapted, model=model, loss=with_sdr(adapted.loss), package=MSST),
    }


def with_sdr(loss: nn.Module) -> nn.Module:
    """Return a copy of a loss in which SDR has the weight of SI-SDR too.

    SI-SDR does not depend on the sign of an estimate.
    """
    changed = deepcopy(loss)
    for part in changed.modules():
        if isinstance(part, MultiDomainLoss):
            part.weights["sdr"] += part.weights["si_sdr"]
            part.weights["si_sdr"] = 0.0
    return changed


def roformer(module: str, settings: RoformerSettings, shares_mixture: bool = False, **options: Any) -> Peer:
    """Build a package's BS-RoFormer with the sizes of `settings`.

    Args:
        module: Name of the package's module.
        settings: The sizes.
        shares_mixture: Whether the initial masks are around ``1 / stems``.
        options: Further arguments of its model.

    Raises:
        InputError: If the package is missing, or its bands are for another spectrum.
    """
    kind = imported(module, "BSRoformer")
    trunk = settings.trunk
    stft = settings.stft
    if stft.n_fft != N_FFT:
        raise InputError(f"audio.n_fft={stft.n_fft} must be {N_FFT}, for which the packages have bands")
    sizes = {
        "dim": trunk.dim,
        "depth": trunk.depth,
        "heads": trunk.heads,
        "dim_head": trunk.dim_head,
        "time_transformer_depth": trunk.time_depth,
        "freq_transformer_depth": trunk.band_depth,
        "num_stems": len(settings.stems),
        "stereo": settings.channels == 2,
        "stft_n_fft": stft.n_fft,
        "stft_win_length": stft.n_fft,
        "stft_hop_length": stft.hop_length,
    }
    with without_warnings():
        model = kind(**sizes, **options)
    if shares_mixture:
        share_mixture(model)
    return Peer(model, stft.hop_length)


@torch.no_grad()
def share_mixture(model: nn.Module) -> None:
    """Set the biases of a package's BS-RoFormer for initial masks around ``1 / stems``, as in this project's model.

    The last linear layer of a stem and band returns the values of its mask, real and imaginary parts in turn, and then
    a gate for each, which is initially 1/2.
    """
    estimators = list(model.get_submodule("mask_estimators").children())
    for estimator in estimators:
        for band in estimator.get_submodule("to_freqs").children():
            linear_layers = [layer for layer in band.modules() if isinstance(layer, nn.Linear)]
            values, _ = linear_layers[-1].bias.chunk(2)
            values[::2] += 2 / len(estimators)


def scnet(settings: RoformerSettings) -> Peer:
    """Build msst's SCNet, with its own spectrum and bands."""
    kind = imported("msst.models.scnet", "SCNet")
    model = kind(sources=list(settings.stems), audio_channels=settings.channels, num_dplayer=SCNET_LAYERS)
    return Peer(model, model.hop_length)


def band_widths(settings: RoformerSettings) -> tuple[int, ...]:
    """Return the width of each band in bins.

    Raises:
        InputError: If bands overlap.
    """
    if not isinstance(settings.bands, FixedBands):
        raise InputError("model.bands.layout=mel is unknown to the compared packages; choose model=tiny, for instance")
    return tuple(width for count, width in settings.bands.widths for _ in range(count))


def imported(module: str, name: str) -> Any:
    """Import a model of a public package.

    Raises:
        InputError: If the package is not installed.
    """
    try:
        with without_warnings():
            return getattr(import_module(module), name)
    except ImportError as error:
        is_msst = module.startswith(MSST)
        package = MSST if is_msst else BS_ROFORMER
        command = INSTALL_MSST if is_msst else install_command("benchmark")
        raise InputError(
            f"the package {package} cannot be imported ({error}); install it with {command}, or choose other "
            "what.methods"
        ) from error
