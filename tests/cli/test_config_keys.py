"""Unknown keys and choices are refused, known ones accepted."""

from functools import cache

import pytest

from bsroformer.cli import flags
from bsroformer.cli.commands.checkpoint.command import ACTIONS
from bsroformer.cli.commands.prepare.command import ACTIONS as PREPARE_ACTIONS
from bsroformer.cli.composition import Composer
from bsroformer.cli.key_check import check
from bsroformer.cli.registry import COMMANDS
from bsroformer.cli.runner import checked, read
from bsroformer.errors import InputError

EARLY = "+callbacks.early._target_=lightning.pytorch.callbacks.EarlyStopping"
REFUSED = [
    ("separate", ["inptu=x"], "separate has no key inptu; did you mean input?"),
    ("separate", ["+overlapp=0.9"], "separate has no key overlapp; did you mean overlap?"),
    ("separate", ["++overlapp=0.9"], "did you mean overlap?"),
    ("separate", ["--overlapp", "0.9"], "did you mean overlap?"),
    ("separate", ["scheduler=x"], "separate has no group scheduler"),
    ("train", ["+lr=1"], "train has no key lr; did you mean optimizer.lr?"),
    ("train", ["modle=lite"], "did you mean model?"),
    (
        "train",
        ["model=ltie"],
        "model=ltie must be one of full, lite, lite_mel, lite_reference, paper, sfc_small, sfc_tiny, tiny, "
        "tiny_reference; did you mean lite?",
    ),
    ("train", ["model=null"], "model=null must be one of"),
    ("train", ["callbacks=[default,prun]"], "callbacks=prun must be one of"),
    ("train", ["+experiment=demo"], "write it without +"),
    ("train", ["+seed=3"], "write it without +"),
    ("train", ["hydra/lancher=processes"], "did you mean hydra/launcher?"),
    ("train", ["hydra.jop.name=a"], "did you mean hydra.job.name?"),
    ("train", ["+hydra.jop.name=a"], "did you mean hydra.job.name?"),
    ("train", ["trainer.limit_train_batches=3"], "with +trainer.limit_train_batches=3"),
    ("train", ["+trainer.max_stepz=3"], "lightning.Trainer takes no argument max_stepz; did you mean max_steps?"),
    ("train", ["optimizer=adamw", "+optimizer.momentum=0.9"], "torch.optim.AdamW takes no argument momentum"),
    ("train", ["~calbacks.ema"], "did you mean callbacks.ema?"),
    ("train", [EARLY, "+callbacks.early.monitr=x"], "takes no argument monitr; did you mean monitor?"),
    ("train", ["+callbacks.emma.half_life=3"], "did you mean callbacks.ema.half_life?"),
    ("train", ["+logger.offlin=true"], "takes no argument offlin; did you mean offline?"),
    ("train", ["optimizer.lr=1,2"], "optimizer.lr=1,2 has several values; add -m"),
    ("train", ["optimizer.lr=[1"], "cannot be read as key=value; quote"),
    ("train", ["-m", "model=lite,tinny"], "model=tinny must be one of"),
    ("train", ["-m", "optimizer.lr=1,2", "+optimizer.weigth_decay=0"], "did you mean weight_decay?"),
    ("train", ["-m", "hparams_search=optuna", "+hydra.sweeper.params.optimizer.lrr=choice(1,2)"], "optimizer.lr"),
    ("train", ["--cfg", "job", "-m"], "--cfg and -m exclude each other"),
    ("train", ["--cfg", "jbo"], "--cfg=jbo must be one of job, hydra, all"),
    ("train", ["--config-name"], "--config-name has no value"),
    ("train", ["resume=run", "data.mine=3"], "only the resumed run has the key data.mine; write +data.mine=3"),
    ("train", ["+callbacks.ema={half_lif: 3}"], "did you mean callbacks.ema.half_life?"),
    ("studio", ["limits={megabytez: 3}"], "did you mean limits.megabytes?"),
    ("train", ["resume=run", "+overlapp=1"], "train has no key overlapp"),
]
TAKEN = [
    (
        "train",
        [
            "optimizer=adamw",
            "optimizer._target_=torch.optim.SGD",
            "+optimizer.momentum=0.9",
            "~optimizer.betas",
            "~optimizer.fused",
        ],
    ),
    ("separate", ["weights={vocals: [1, 0]}", "ckpt=[a,b]"]),
    ("studio", ["limits={megabytes: 3}"]),
    ("train", ["+trainer.limit_train_batches=3", "++seed=3", "~callbacks.ema", "~logger"]),
    ("train", [EARLY, "+callbacks.early.monitor=val/si_sdr"]),
    ("train", ["callbacks=[default,budget]", "callbacks.budget.seconds=3", "optimizer.betas.0=0.5"]),
    ("train", ["-m", "model=lite,tiny", "optimizer.lr=1e-4,3e-4", "seed=range(3)"]),
    ("train", ["-m", "hparams_search=optuna", "optimizer.lr=tag(log,interval(1e-4,1e-2))"]),
    ("train", ['hydra.run.dir="out"', "hydra.job.name=train_ddp_process_1", "hydra.output_subdir=null"]),
    ("train", ["resume=run", "+callbacks.mine.steps=3", "+data.mine=3"]),
    ("train", ["hydra/launcher=processes", "hydra.launcher.n_jobs=3"]),
    ("evaluate", ["+logger.offline=true", "logger=wandb"]),
]


@cache
def composer(command: str) -> Composer:
    """A composer for all tests, which caches its configurations."""
    return Composer(COMMANDS[command].root, [])


def check_words(command: str, words: list[str]) -> None:
    """The words that `checked` returns for a command line."""
    arguments, overrides = read(COMMANDS[command], composer(command), words)
    flags.check(arguments.flags)
    check(COMMANDS[command], composer(command), overrides, arguments.sweep)


def case(values: object) -> str | None:
    return " ".join(values) if isinstance(values, list) else None


@pytest.fixture(autouse=True)
def folder_with_a_run(tmp_path, monkeypatch):
    """The current folder, with a run that has keys of its own."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text("callbacks: {mine: {steps: 1}}\ndata: {mine: 1}\n")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("command", "words", "sentence"), REFUSED, ids=case)
def test_what_nothing_reads_is_refused_in_one_sentence(command, words, sentence):
    with pytest.raises(InputError) as refused:
        check_words(command, words)
    assert sentence in str(refused.value)
    assert not {"\n", "full_key", "Search path"} & set(str(refused.value).split())


@pytest.mark.parametrize(("command", "words"), TAKEN, ids=case)
def test_what_something_reads_is_taken(command, words):
    check_words(command, words)


def test_actions_are_those_of_the_commands():
    assert set(COMMANDS["checkpoint"].actions) == {*ACTIONS, "average"}
    assert set(COMMANDS["prepare"].actions) == set(PREPARE_ACTIONS)


def test_configs_of_the_user_have_choices_too(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").write_text("defaults:\n  - tiny\n")
    assert checked(COMMANDS["train"], ["--config-dir", str(tmp_path), "model=mine"])
    with pytest.raises(InputError, match=r"model=mien must be one of .*did you mean mine\?"):
        checked(COMMANDS["train"], ["--config-dir", str(tmp_path), "model=mien"])
    with pytest.raises(InputError, match=r"--config-dir=.*nowhere is not a folder"):
        checked(COMMANDS["train"], ["--config-dir", str(tmp_path / "nowhere"), "model=mine"])
