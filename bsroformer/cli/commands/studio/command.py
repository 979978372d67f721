"""Open the studio in the browser: ``bsroformer studio``."""

from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec

from rich.console import Console

from bsroformer.cli.checkpoint_sources import one_for_each
from bsroformer.cli.commands.separate.separators import separator_of
from bsroformer.cli.commands.studio.config import StudioConfig
from bsroformer.cli.console import stopping_on_sigterm, terminal, wait_until_interrupted
from bsroformer.devices import keep_freed_memory
from bsroformer.errors import InputError
from bsroformer.extras import install_command
from bsroformer.inference import Delivery, Separator
from bsroformer.models import SeparationModel
from bsroformer.studio.address import Address, parse_accounts
from bsroformer.studio.catalog import CheckpointOption, options_from_paths, options_in_folder
from bsroformer.studio.example import example_song
from bsroformer.studio.limits import Limits
from bsroformer.studio.model_cache import ModelCache
from bsroformer.studio.studio import Studio
from bsroformer.studio.workspace import Workspace

LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")


def app(cfg: StudioConfig) -> None:
    """Serve the page until Ctrl-C or SIGTERM, then delete all songs."""
    console = terminal()
    if find_spec("gradio") is None:
        raise InputError(f"the page needs Gradio, which is not installed; {install_command('studio')}")
    from bsroformer.studio.server import open_page

    keep_freed_memory()
    address = address_of(cfg)
    studio = build_studio(cfg, console)
    try:
        example = partial(example_song, cfg.paths.cache_dir / "demo_songs")
        page = open_page(studio, example, address, cfg.overlap, cfg.shifts)
        try:
            with stopping_on_sigterm():
                _print_address(console, page.local_url, page.share_url, address)
                wait_until_interrupted()
        except KeyboardInterrupt:
            console.print("Closed; all songs are deleted.")
        finally:
            page.close(verbose=False)
    finally:
        studio.close()


def build_studio(cfg: StudioConfig, console: Console) -> Studio:
    """Build the studio with the checkpoints of ``ckpt`` or the runs folder.

    Raises:
        InputError: If no checkpoint exists, or a key is invalid.
    """
    limits = Limits(**dict(cfg.limits))
    options = build_offers(cfg)
    for option in options:
        console.print(option.label)
    workspace = Workspace(cfg.output, keep_seconds=60 * limits.keep_minutes)
    model = ModelCache(partial(_separator, cfg))
    return Studio(options, model, workspace, limits, Delivery("wav", cfg.bit_depth), console.print)


def build_offers(cfg: StudioConfig) -> list[CheckpointOption]:
    """List the checkpoints to choose from, the default first.

    Raises:
        InputError: If no checkpoint exists, or one that is named cannot be opened.
    """
    if cfg.ckpt is None:
        return options_in_folder(cfg.paths.runs_dir)
    return options_from_paths(cfg.ckpt, one_for_each(cfg.ckpt, cfg.config, "config"))


def _separator(
    cfg: StudioConfig, model: SeparationModel, stems: Sequence[str], overlap: float, shifts: int
) -> Separator:
    """Create the separator of a visitor's request."""
    return separator_of(model, cfg, stems, overlap=overlap, shifts=shifts)


def address_of(cfg: StudioConfig) -> Address:
    """Build the page's address and accounts.

    Raises:
        InputError: If a key is invalid.
    """
    return Address(
        host=cfg.host,
        port=cfg.port,
        share=cfg.share,
        auth=() if cfg.auth is None else parse_accounts(cfg.auth),
        root_path=cfg.root_path,
        hosts=tuple(cfg.hosts),
    )


def _print_address(console: Console, local: str | None, public: str | None, address: Address) -> None:
    """Print the page's address and its access."""
    addresses = f"{local} and {public}" if public else local
    console.print(f"The page is at {addresses}; Ctrl-C closes it.")
    is_reachable = public or address.host not in LOCAL_HOSTS
    if is_reachable and not address.auth:
        console.print("Anyone who reaches the page can use it; auth=name:password protects it.", style="yellow")
