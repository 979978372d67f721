"""Muon: momentum whose matrices are orthogonalised, and AdamW for all other weights."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from bsroformer.devices import computes_bf16
from bsroformer.models.abilities import HasHiddenMatrices
from bsroformer.training.optimizer import parameter_groups

MATRICES = "matrices"
"""Key of a parameter group: the shape ``(s, r, c)`` of each parameter's matrices. Groups without it are AdamW's."""
QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of the Newton-Schulz iteration (Jordan et al., "Muon", 2024; also `torch.optim.Muon`)."""
ADAMW_RMS = 0.2
"""Root mean square of a typical update of AdamW, in units of the learning rate (arXiv 2502.16982, section 2.2)."""
MIN_NORM = 1e-7


class Muon(AdamW):
    """Muon for matrices between hidden features, AdamW for the rest (arXiv 2502.16982).

    With gradient ``G``, momentum ``B <- mu B + (1 - mu) G`` and Nesterov's ``N = (1 - mu) G + mu B``, a matrix of
    ``r`` rows and ``c`` columns takes the step ``W <- (1 - eta wd) W - eta 0.2 sqrt(max(r, c)) O(N)`` with
    ``eta = lr * hidden_lr``. ``O`` replaces the singular values of its argument by values around 1. The factor gives
    the update the size of AdamW's, so that learning rates of both are alike.

    Query, key and value are matrices of their own. Matrices of one shape are orthogonalised in one batch.

    Args:
        params: Groups of parameters, as `parameter_groups` makes them.
        lr: Learning rate of both.
        betas: AdamW's decay rates of the running means of gradients and squared gradients.
        weight_decay: Decoupled weight decay of both.
        momentum: The decay rate ``mu`` of Muon's running mean of gradients.
        hidden_lr: Learning rate of Muon's matrices as a multiple of `lr`.
        iterations: Newton-Schulz iterations.
        fused: Update AdamW's weights in one fused call: see `torch.optim.AdamW`.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.95),
        weight_decay: float = 0.05,
        momentum: float = 0.95,
        hidden_lr: float = 1.0,
        iterations: int = 5,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, lr=lr, betas=(betas[0], betas[1]), weight_decay=weight_decay, fused=fused)
        own = {"momentum": momentum, "hidden_lr": hidden_lr, "iterations": iterations}
        for group in self.param_groups:
            if MATRICES in group:
                group.update(own)

    @staticmethod
    def parameter_groups(model: nn.Module) -> list[dict[str, Any]]:
        """Group hidden matrices, other matrices, and scales and biases, which do not decay."""
        pairs = model.hidden_matrices() if isinstance(model, HasHiddenMatrices) else ()
        hidden = {weight: shape for weight, shape in pairs if weight.requires_grad}
        decaying, others = parameter_groups(model)
        rest = [parameter for parameter in decaying["params"] if parameter not in hidden]
        muon = {"params": list(hidden), MATRICES: list(hidden.values())}
        groups = [muon, {**decaying, "params": rest}, others]
        return [group for group in groups if group["params"]]

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make a step; parameters without a gradient stay as they are."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        groups = self.param_groups
        for group in groups:
            if MATRICES in group:
                self._step_matrices(group)
        self.param_groups = adamw_groups(groups)
        try:
            super().step()
        finally:
            self.param_groups = groups
        return loss

    def __setstate__(self, state: dict[str, Any]) -> None:
        groups = state["param_groups"]
        super().__setstate__({**state, "param_groups": adamw_groups(groups)})
        self.param_groups = groups

    def _step_matrices(self, group: dict[str, Any]) -> None:
        """Update the matrices of a group, those of one shape together."""
        by_shape: dict[tuple[int, ...], list[tuple[Tensor, Tensor]]] = defaultdict(list)
        for parameter, stacked in zip(group["params"], group[MATRICES], strict=True):
            if parameter.grad is not None:
                stack = parameter.view(tuple(stacked))  # (s r c)
                update = self._momentum(parameter, group["momentum"]).view_as(stack)
                by_shape[tuple(sorted(stack.shape[1:]))].append((stack, update))
        rate = group["lr"] * group["hidden_lr"]
        for shape, pairs in by_shape.items():
            updates = [wide(update) for _, update in pairs]
            directions = orthogonalised(torch.cat(updates), group["iterations"])
            apart = directions.split([len(update) for update in updates])
            scale = ADAMW_RMS * max(shape) ** 0.5
            for (stack, _), direction in zip(pairs, apart, strict=True):
                stack.mul_(1 - rate * group["weight_decay"])
                oriented = direction if direction.shape == stack.shape else direction.mT
                stack.add_(oriented, alpha=-rate * scale)

    def _momentum(self, parameter: Tensor, momentum: float) -> Tensor:
        """Update a parameter's running mean of gradients; return Nesterov's."""
        gradient = parameter.grad
        assert gradient is not None
        state = self.state[parameter]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
        buffer = state["momentum_buffer"]
        buffer.lerp_(gradient, 1 - momentum)
        return gradient.lerp(buffer, momentum)


def adamw_groups(groups: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Select the groups of parameters that AdamW updates."""
    return [group for group in groups if MATRICES not in group]


def wide(matrices: Tensor) -> Tensor:
    """Transpose matrices ``(s r c)`` with more rows than columns."""
    return matrices.mT if matrices.shape[1] > matrices.shape[2] else matrices


def orthogonalised(matrices: Tensor, iterations: int) -> Tensor:
    """Replace the singular values of wide matrices ``(s r c)`` by values around 1.

    A Newton-Schulz iteration ``X <- a X + (b XX' + c (XX')^2) X`` pulls singular values in (0, 1] to 0.7 to 1.2
    (Jordan et al., "Muon", 2024). It is computed in bfloat16, as there, where the hardware has instructions for it;
    without them bfloat16 takes many times as long as float32.
    """
    a, b, c = QUINTIC
    x = matrices.bfloat16() if computes_bf16(matrices.device) else matrices.float()
    x = x / torch.linalg.matrix_norm(x, keepdim=True).clamp_min(MIN_NORM)
    for _ in range(iterations):
        gram = x @ x.mT  # (s r r)
        polynomial = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        x = torch.baddbmm(x, polynomial, x, beta=a)
    return x.to(matrices.dtype)
