import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from mutations import mutated_tree

from bsroformer import InputError
from bsroformer.checkpoints.ledger import base_of, data_set, make_ledger
from bsroformer.checkpoints.ledger_entry import parse_ledger
from bsroformer.checkpoints.ledger_text import describe_ledger
from checkpoints import ODD

LEDGER = make_ledger(
    [data_set("songs", 3, 0.25, {"CC-BY-4.0": 2, "unknown": 1}, ["https://example.org"])],
    [base_of("kim.ckpt", "ab" * 32, make_ledger([data_set("first", 1, 1, {"MIT": 1}, [])]))],
)


def test_a_mutated_ledger_is_read_or_one_sentence():
    refused = 0
    for seed in range(400):
        tree = mutated_tree(LEDGER.to_plain(), random.Random(seed), ODD)
        try:
            lines = describe_ledger(parse_ledger(tree, "file"))
            assert all(line.isprintable() for line in lines)
        except InputError as error:
            refused += 1
            assert "\n" not in str(error) and len(str(error)) < 1500
    assert refused > 100
