"""Check the values of a configuration at the door, before anything is built from them.

Every key is checked whether or not this command makes use of it. What only one class knows, such as the settings of a
model, is checked by the class itself.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from bsroformer.errors import InputError

MOST_SHOWN = 60
"""Characters of a value in a message."""


@dataclass(frozen=True)
class Rule:
    """What a value must be.

    Attributes:
        kind: In words, of its type.
        is_kind: Whether a value is of this type.
        allowed: In words, of its range.
        is_allowed: Whether a value of this type is in the range.
    """

    kind: str
    is_kind: Callable[[Any], bool]
    allowed: str = ""
    is_allowed: Callable[[Any], bool] = lambda _: True

    def fault(self, value: Any) -> str | None:
        """What the value must be; None if it is."""
        if not self.is_kind(value):
            return self.kind
        return None if self.is_allowed(value) else self.allowed


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def _are_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) and word for word in value)


def whole(least: int, most: int = 2**31) -> Rule:
    """A whole number in a range."""
    allowed = f"{least} or more" if most == 2**31 else f"from {least} to {most}"
    return Rule("a whole number", _is_whole, allowed, lambda value: least <= value <= most)


def number(least: float, most: float = math.inf, above: bool = False) -> Rule:
    """A finite number in a range, without its lower end if it must be above it."""
    lower = f"above {least:g}" if above else f"{least:g} or more"
    allowed = lower if most == math.inf else f"{lower} and at most {most:g}"

    def is_allowed(value: float) -> bool:
        return math.isfinite(value) and value <= most and (value > least if above else value >= least)

    return Rule("a number", _is_number, allowed, is_allowed)


def choice(*words: Any) -> Rule:
    """One of some words."""
    named = f"one of {', '.join(map(str, words))}"
    return Rule(named, lambda value: any(type(value) is type(word) and value == word for word in words))


def either(first: Rule, second: Rule) -> Rule:
    """What one rule or the other allows."""
    kind = f"{first.kind} or {second.kind}"
    allowed = f"{first.allowed or first.kind}, or {second.allowed or second.kind}"
    return Rule(
        kind,
        lambda value: first.is_kind(value) or second.is_kind(value),
        allowed,
        lambda value: first.fault(value) is None or second.fault(value) is None,
    )


NOTHING = Rule("null", lambda value: value is None)
SWITCH = Rule("true or false", lambda value: isinstance(value, bool))
WORD = Rule("a word", lambda value: isinstance(value, str), "a word", bool)
WORDS = Rule("a list of words", _are_words)
WORD_OR_WORDS = either(WORDS, WORD)
STEMS = Rule("a list of words", _are_words, "a list of at least one word", bool)
NUMBERS_BELOW_1 = Rule(
    "a list of two numbers",
    lambda value: isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)),
    "two numbers of 0 or more and below 1",
    lambda value: all(0 <= each < 1 for each in value),
)
PATH = either(WORD, NOTHING)
PATHS = either(WORD_OR_WORDS, NOTHING)
MAYBE_COUNT = either(whole(1), NOTHING)
NO_LIMIT = Rule("a whole number", _is_whole, "1 or more, or -1 for no limit", lambda value: value == -1 or value > 0)

SEPARATION = {
    "overlap": Rule("a number", _is_number, "0 or more and below 1", lambda value: 0 <= value < 1),
    "shifts": whole(1),
    "tta": WORD_OR_WORDS,
    "chunk_seconds": either(number(0, 3600, above=True), NOTHING),
    "batch_size": whole(1, 65_536),
    "device": WORD,
    "compile": SWITCH,
}
SONGS = {
    "audio.sample_rate": whole(1, 2**24),
    "audio.channels": whole(1, 64),
    "data.stems": either(STEMS, WORD),
    "data.seconds": number(0, 3600, above=True),
    "data.batch_size": whole(1, 65_536),
    "data.epoch_size": whole(1),
    "data.num_workers": whole(0, 1024),
    "data.overfit_songs": MAYBE_COUNT,
    "data.valid_per_song": either(whole(1), choice("all")),
    "data.extra": PATHS,
    "data.root": PATH,
    "data.pack": either(PATH, choice(False)),
    "data.source.seed": whole(0),
    "data.source.train_songs": whole(1, 100_000),
    "data.source.test_songs": whole(0, 100_000),
    "data.source.seconds": number(1, 3600),
}
TRAINING = {
    "seed": whole(0, 2**32 - 1),
    "ckpt_path": PATH,
    "resume": PATH,
    "init_from": PATH,
    "init_config": PATH,
    "init_sha256": PATH,
    "evaluate": SWITCH,
    "compile": SWITCH,
    "average_best": MAYBE_COUNT,
    "ema_half_life": number(0, above=True),
    "tags": PATHS,
    "optimizer.lr": number(0, 100),
    "optimizer.weight_decay": number(0, 100),
    "optimizer.betas": NUMBERS_BELOW_1,
    "optimizer._partial_": choice(True),
    "scheduler._partial_": choice(True),
    "scheduler.warmup_steps": whole(0),
    "scheduler.final": number(0, 1),
    "scheduler.decay": number(0, 1),
    "loss.n_fft": whole(4, 2**20),
    "loss.hop_length": whole(1, 2**20),
    "trainer.max_epochs": either(NO_LIMIT, NOTHING),
    "trainer.max_steps": NO_LIMIT,
    "trainer.accumulate_grad_batches": whole(1),
    "trainer.gradient_clip_val": either(number(0), NOTHING),
    "trainer.check_val_every_n_epoch": MAYBE_COUNT,
    "trainer.log_every_n_steps": whole(1),
    "trainer.num_nodes": whole(1, 2**20),
}
CHECKPOINT_SOURCE = {"overwrite": SWITCH}
DELIVERY = {"downmix": SWITCH, "residual": SWITCH, "rescale": SWITCH, "overwrite": SWITCH}
PORT = either(whole(0, 65_535), NOTHING)
STUDIO = {
    "share": SWITCH,
    "port": PORT,
    "hosts": WORD_OR_WORDS,
    "root_path": PATH,
    "limits.megabytes": number(0, above=True),
    "limits.minutes": number(0, above=True),
    "limits.songs": whole(1),
    "limits.songs_each": whole(1),
    "limits.keep_minutes": number(0, above=True),
}
RULES: Mapping[str, Mapping[str, Rule]] = {
    "train": {**SONGS, **TRAINING},
    "check_gpu": {**SONGS, **TRAINING, "memory_gb": either(number(0, above=True), NOTHING)},
    "separate": {**SEPARATION, **DELIVERY},
    "eval": {**SEPARATION, **SONGS, "overwrite": SWITCH, "save_stems": SWITCH},
    "app": {**SEPARATION, **STUDIO},
    "checkpoint": CHECKPOINT_SOURCE,
    "prepare": {"seed": whole(0), **SONGS, "stem": PATH, "workers": MAYBE_COUNT},
}
"""By ``task``, the rule of each key; a key that a configuration lacks is not checked."""
WEIGHTS = ("magnitude", "complex", "si_sdr", "weight")
"""Weights of terms, wherever they are below ``loss``; so are the values of a mapping ``weights``."""


def check_values(cfg: DictConfig) -> None:
    """Check every value that has a rule.

    Raises:
        InputError: Naming each key whose value is wrong, the value, and what is allowed.
    """
    faults = [*_faults(cfg, RULES.get(str(cfg.get("task")), {}))]
    if "loss" in cfg:
        faults += _faults_of_weights(OmegaConf.to_container(cfg.loss, resolve=True, throw_on_missing=False))
    if faults:
        raise InputError("; ".join(faults))


def _faults(cfg: DictConfig, rules: Mapping[str, Rule]) -> Iterator[str]:
    for key, rule in rules.items():
        value = OmegaConf.select(cfg, key, default=...)
        if value is ... or OmegaConf.is_missing(*_place(cfg, key)):
            continue
        plain = OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
        if (must := rule.fault(plain)) is not None:
            yield f"{key}={_shown(plain)} must be {must}"


def _place(cfg: DictConfig, key: str) -> tuple[Any, str]:
    """The mapping that holds a key, and its name in it."""
    parent, _, name = key.rpartition(".")
    return (OmegaConf.select(cfg, parent) if parent else cfg), name


def _faults_of_weights(loss: Any) -> Iterator[str]:
    """Weights that are no numbers of 0 or more, or all 0."""
    weights = dict(_weights(loss, "loss"))
    wrong = {key: value for key, value in weights.items() if number(0).fault(value) is not None}
    for key, value in wrong.items():
        yield f"{key}={_shown(value)} must be {number(0).fault(value)}"
    if weights and not wrong and not any(weights.values()):
        yield f"{', '.join(weights)} must not all be 0"


def _weights(tree: Any, place: str) -> Iterator[tuple[str, Any]]:
    for name, value in tree.items() if isinstance(tree, dict) else ():
        if name == "weights" and isinstance(value, dict):
            yield from ((f"{place}.weights.{term}", weight) for term, weight in value.items())
        elif name in WEIGHTS and not isinstance(value, dict):
            yield f"{place}.{name}", value
        else:
            yield from _weights(value, f"{place}.{name}")


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."
