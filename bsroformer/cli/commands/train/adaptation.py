"""Fine-tuning as configured: the model of ``init_from``, and which of its weights are trained."""

from typing import Any, TypeVar

from hydra.core.override_parser.overrides_parser import OverridesParser
from rich.console import Console

from bsroformer.checkpoints.digest import weights_digest
from bsroformer.checkpoints.ledger import Base
from bsroformer.checkpoints.native import ADAPTER
from bsroformer.checkpoints.warm_start import WarmStart, start_from
from bsroformer.cli.checkpoint_sources import opened_checkpoint
from bsroformer.cli.commands.train.build import chosen_precision, report_start
from bsroformer.cli.commands.train.config import TrainConfig
from bsroformer.cli.commands.train.memory import HALF
from bsroformer.cli.commands.train.resume.resolution import command_line
from bsroformer.cli.commands.train.training_ledger import base_from
from bsroformer.cli.dotted_keys import MISSING, at, put
from bsroformer.errors import InputError
from bsroformer.models import SeparationModel
from bsroformer.models.abilities import HasStemParts
from bsroformer.models.adaptation import Adaptation, BaseModelFacts, adapt, part_of, parts_of, store_frozen

C = TypeVar("C", bound=TrainConfig)


def with_model_of_init(cfg: C, console: Console) -> C:
    """Replace ``model`` by the model of ``init_from``, if ``model_of_init`` is set.

    A model that the command line names stays, and so do its keys there, such as ``model.stems``.

    Raises:
        InputError: If ``init_from`` is missing or cannot be read.
    """
    if not cfg.model_of_init:
        return cfg
    overrides = OverridesParser.create().parse_overrides(command_line())
    typed = [override.key_or_group for override in overrides]
    if "model" in typed:
        return cfg.replaced({"model_of_init": False})
    if cfg.init_from is None:
        raise InputError(
            "model_of_init=true, which experiment=finetune sets, needs the model to start from; give "
            "init_from=model.ckpt, or choose a model with model=..."
        )
    settings = opened_checkpoint(cfg.init_from, cfg.init_config, cfg.init_sha256, console).settings
    tree: dict[str, Any] = settings.model_dump(mode="json", exclude_none=True)
    tree["chunk_seconds"] = cfg.data.seconds
    for key in typed:
        value = at(cfg.tree, key, MISSING)
        if key.startswith("model.") and value is not MISSING:
            put(tree, key.removeprefix("model."), value)
    return cfg.replaced({"model": tree, "model_of_init": False})


def start_and_adapt(cfg: TrainConfig, model: SeparationModel, console: Console) -> Base | None:
    """Copy the weights of ``init_from``, and freeze those that are not trained.

    A resumed run copies them only if some are frozen, since its checkpoints lack these.

    Returns:
        The weights that a new run starts from, for the ledger; None for random weights, or a resumed run.

    Raises:
        InputError: If weights are to be frozen and there is no ``init_from``, or new weights would stay untrained.
    """
    adaptation = cfg.adaptation
    resumes = cfg.ckpt_path is not None
    if adaptation is not None and cfg.init_from is None:
        key = f"train_only={cfg.train_only}" if cfg.lora is None or cfg.lora.rank is None else "lora.rank"
        raise InputError(f"{key} keeps weights of a trained model; give it as init_from=model.ckpt")
    if cfg.init_from is None or (resumes and adaptation is None):
        return None
    opened = opened_checkpoint(cfg.init_from, cfg.init_config, cfg.init_sha256, console)
    source = opened.model()
    start = start_from(model, source, cfg.init_from)
    if not resumes:
        report_start(start, source, model, cfg.init_from, console)
    if adaptation is not None:
        adapt_as_configured(cfg, model, source, start, console)
    return None if resumes else base_from(opened, source, cfg.init_from)


def adapt_as_configured(
    cfg: TrainConfig, model: SeparationModel, source: SeparationModel, start: WarmStart, console: Console
) -> None:
    """Freeze the weights that are not trained, and add those of low rank.

    Raises:
        InputError: If new weights would stay untrained.
    """
    adaptation = cfg.adaptation
    assert adaptation is not None and cfg.init_from is not None
    base = BaseModelFacts(name=cfg.init_from, digest=weights_digest(source))
    adapt(model, adaptation.model_copy(update={"base": base}))
    refuse_untrained(model, start)
    store_frozen(model, HALF.get(str(chosen_precision(cfg.trainer.precision, cfg.trainer.accelerator))))
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    total = sum(parameter.numel() for parameter in model.parameters())
    console.print(f"Training {trained / 1e6:.2f} of {total / 1e6:.1f} M weights ({trained / total:.1%}): {adaptation}")


def refuse_untrained(model: SeparationModel, start: WarmStart) -> None:
    """Check that all weights that were not copied are trained.

    Raises:
        InputError: Naming the parts that have to be trained.
    """
    if not start.fresh or not isinstance(model, HasStemParts):
        return
    parts = parts_of(model)
    modules = tuple(f"{name}." for name in model.stem_parts)
    frozen = [
        name for name, weight in model.named_parameters() if not weight.requires_grad and name.startswith(modules)
    ]
    missing = {part_of(name, parts): None for name in frozen}
    if missing:
        names = ",".join(map(str, missing))
        raise InputError(
            f"the stems {', '.join(model.stems)} differ from those of init_from, so that {names} start with random "
            f"weights and must be trained; add them to train_only=[{names}]"
        )


def refuse_another_adaptation(model: SeparationModel, entry: dict[str, Any], path: object) -> None:
    """Check that a checkpoint to resume from holds the weights that are trained here.

    Args:
        model: The model in training.
        entry: The checkpoint's description of its model.
        path: The checkpoint, for messages.

    Raises:
        InputError: Naming what differs.
    """
    kept = Adaptation.model_validate(entry[ADAPTER]) if ADAPTER in entry else None
    own = model.adaptation
    if own is None and kept is None:
        return
    if own is None or kept is None or (own.lora, own.train_only) != (kept.lora, kept.train_only):
        raise InputError(
            f"{path} was trained with {kept or 'all weights'}, and this run trains {own or 'all weights'}; lora and "
            "train_only of a run cannot be changed, so start another from its weights with init_from"
        )
    assert own.base is not None and kept.base is not None
    if own.base.digest != kept.base.digest:
        raise InputError(
            f"{path} belongs to the weights {kept.base.digest} of {kept.base.name}, and init_from={own.base.name} "
            f"holds {own.base.digest}; give the model that the run started from as init_from=..."
        )
