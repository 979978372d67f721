"""Write a model card, and publish a model on the Hugging Face Hub."""

from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.filesize import decimal

from bsroformer.atomic import write_text
from bsroformer.checkpoints import Checkpoint
from bsroformer.checkpoints.digest import weights_digest
from bsroformer.checkpoints.hub import SCHEME
from bsroformer.checkpoints.hub_upload import check_repository, check_token, upload
from bsroformer.checkpoints.model_names import public_name
from bsroformer.checkpoints.save import save_model
from bsroformer.cli.commands.checkpoint.config import CheckpointConfig
from bsroformer.cli.commands.checkpoint.inspection import write_model_config
from bsroformer.models import SeparationModel
from bsroformer.report.evaluation_tables import Tree
from bsroformer.report.model_card import CardFacts, made_of, model_card, read_results, warnings_of
from bsroformer.run_folder import RunFolder

CARD = "README.md"
WEIGHTS = "model.safetensors"
CONFIG = "model.yaml"


def write_card(opened: Checkpoint, cfg: CheckpointConfig, path: Path, console: Console) -> None:
    """Write the card of a checkpoint.

    Raises:
        InputError: If the checkpoint, its results or the repository's name are faulty.
    """
    address = opened.file.path.name if cfg.repo is None else f"{SCHEME}{check_repository(cfg.repo)}/{WEIGHTS}"
    write_text(path, card_of(opened, opened.model(), cfg, address))
    _report_warnings(opened, console)
    console.print(f"{path} is the card of {opened.file.path.name}")


def publish_checkpoint(opened: Checkpoint, cfg: CheckpointConfig, console: Console) -> None:
    """Publish weights, architecture and card; with ``dry_run`` only list them.

    Raises:
        InputError: If something of it cannot be written, or the Hub refuses it.
    """
    repo = check_repository(cfg.repo)
    if not cfg.dry_run:
        check_token()  # before the work
    with TemporaryDirectory() as folder:
        files = _write_files(opened, cfg, repo, Path(folder))
        _report_warnings(opened, console)
        for name, path in files.items():
            console.print(f"{name}: {decimal(path.stat().st_size)}")
        if cfg.dry_run:
            console.print(f"\n{files[CARD].read_text('utf-8')}", markup=False)
            console.print(f"Nothing was uploaded to {repo} (dry_run=true)")
            return
        url = upload(repo, files, cfg.private, cfg.overwrite)
    console.print(f"{url} has the model: ckpt={SCHEME}{repo}/{WEIGHTS}")


def _write_files(opened: Checkpoint, cfg: CheckpointConfig, repo: str, folder: Path) -> dict[str, Path]:
    files = {name: folder / name for name in (WEIGHTS, CONFIG, CARD)}
    model = opened.model()
    save_model(model, files[WEIGHTS], f"{opened.file.path.name}, {opened.origin}", opened.ledger)
    write_model_config(opened, files[CONFIG])
    write_text(files[CARD], card_of(opened, model, cfg, f"{SCHEME}{repo}/{WEIGHTS}"))
    return files


def card_of(opened: Checkpoint, model: SeparationModel, cfg: CheckpointConfig, address: str) -> str:
    """Write the text of a checkpoint's card."""
    facts = CardFacts(
        name=_title(opened, cfg.repo),
        address=address,
        settings=opened.settings,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        digest=weights_digest(model),
        license=cfg.license,
        ledger=opened.ledger,
        results=_results_of(opened, cfg.results),
    )
    return model_card(facts)


def _title(opened: Checkpoint, repo: str | None) -> str:
    if repo is not None:
        return repo.partition("/")[2]
    name = public_name(opened.file.path)
    run, _, file = name.rpartition("/")
    return run or Path(file).stem


def _results_of(opened: Checkpoint, given: Path | None) -> Tree | None:
    """Read the given results, or those of the training that evaluated this checkpoint."""
    if given is not None:
        return read_results(given)
    run = RunFolder.of(opened.file.path)
    if not (run.evaluation / "results.json").is_file():
        return None
    results = read_results(run.evaluation)
    evaluated = [Path(path).name for path in made_of(results)]
    return results if opened.file.path.name in evaluated else None


def _report_warnings(opened: Checkpoint, console: Console) -> None:
    for warning in warnings_of(opened.ledger):
        console.print(warning, style="yellow")
