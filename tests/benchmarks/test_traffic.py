import json
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from benchmarks import Traffic
from benchmarks.gpu_path import gpu_path
from benchmarks.traffic import Load, TrafficCounter, bytes_in_memory, kind_of
from bsroformer.errors import InputError
from bsroformer.losses import MultiDomainLoss
from support.launched import composed

FUSED_ADAMW = partial(torch.optim.AdamW, lr=1e-3, fused=True)


def counted(call) -> dict[str, Load]:
    """Count the operators of a call without values."""
    with gpu_path(), TrafficCounter() as counter:
        call()
    return dict(counter.loads)


def test_inputs_and_outputs_of_each_operator_are_counted():
    def call() -> None:
        a = torch.empty(10, 20)
        b = torch.empty(20, 30)
        product = a @ b
        (product.mT + 1).bfloat16()

    assert counted(call) == {
        "mm": Load(1, 4 * (200 + 600 + 300), 10 * 20 * 30),
        "add": Load(1, 4 * (300 + 300)),
        "_to_copy": Load(1, 4 * 300 + 2 * 300),
    }


def test_views_and_allocations_move_nothing():
    assert counted(lambda: torch.empty(4, 6).view(24)[3:].unflatten(0, (3, 7)).mT.detach()) == {}


def test_an_operator_in_place_reads_and_writes():
    x = torch.zeros(100)
    assert counted(lambda: x.add_(x)) == {"add_": Load(1, 3 * 400)}
    assert counted(lambda: x.copy_(torch.empty(100))) == {"copy_": Load(1, 2 * 400)}
    assert counted(lambda: torch.mul(x, 2, out=torch.empty(100))) == {"mul": Load(1, 2 * 400)}


def test_a_broadcast_axis_counts_once():
    assert bytes_in_memory(torch.zeros(5, 1).expand(5, 1000)) == 5 * 4
    assert bytes_in_memory(torch.zeros(0).expand(3, 0)) == 0


def test_the_norm_and_its_gradient_are_one_operator_each():
    def call() -> None:
        x = torch.empty(8, 16, requires_grad=True)
        F.rms_norm(x, (16,), torch.empty(16), 1e-6).backward(torch.empty(8, 16))

    loads = counted(call)
    values, gamma, inverse = 4 * 8 * 16, 4 * 16, 4 * 8
    assert loads["fused_rms_norm"] == Load(1, 2 * values + gamma + inverse)
    assert loads["fused_rms_norm_backward"] == Load(1, 3 * values + 2 * gamma + inverse)


def test_attention_is_computed_in_the_type_of_autocast():
    def call() -> None:
        q = torch.empty(3, 2, 50, 8)
        with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
            F.scaled_dot_product_attention(q, q, q)

    [attention] = [load for name, load in counted(call).items() if kind_of(name) == "attention"]
    assert attention.bytes == 4 * 2 * 3 * 2 * 50 * 8 + 4 * 3 * 2 * 50  # q, k, v, result; a logarithm of each sum
    assert attention.multiply_adds == 2 * 3 * 2 * 50 * 50 * 8


def benchmark(settings: dict[str, Any], **changes: Any) -> Traffic:
    loss = MultiDomainLoss(0.5, 0.3, 0.1, n_fft=2048, hop_length=512, sdr=0.1)
    keys = {"seconds": 6, "batch_size": 1, "precision": "bf16"} | changes
    return Traffic(settings=settings, loss=loss, optimizer=FUSED_ADAMW, **keys)


def test_a_step_of_lite_stays_within_its_traffic():
    """See the table of docs/benchmarks.md; raise the bounds for a reason only."""
    found = benchmark(composed("train", "model=lite").model).run()
    tree = found.to_dict()
    assert json.loads(json.dumps(tree)) == tree
    assert tree["total"]["bytes"] < 14.0e9
    assert tree["total"]["operators"] < 1_040
    assert sum(kind["bytes"] for kind in tree["kinds"].values()) == tree["total"]["bytes"]
    assert found.table().row_count == len(tree["kinds"]) + 1


def test_an_unknown_precision_is_refused(tiny_tree):
    with pytest.raises(InputError, match="precision=fp8"):
        benchmark(tiny_tree, precision="fp8").run()
