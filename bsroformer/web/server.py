"""Where the page is to be found, and by whom."""

import logging
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from bsroformer.errors import InputError
from bsroformer.web.guard import Guard
from bsroformer.web.limits import MEGABYTE
from bsroformer.web.page import Example, build_page
from bsroformer.web.routes import routes_of
from bsroformer.web.studio import Studio

FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
"""Those of the machine: nothing is fetched from elsewhere."""
HERE = Path(__file__).parent
INSTRUMENT = '<script type="module" src="player/stem-player.js"></script>'
SCRIPTS = {path.name: path for path in (HERE / "player").glob("*.js")}
STYLES = (HERE / "page.css", HERE / "player" / "stem-player.css")
"""Gradio puts them after its own, which would otherwise win."""


@dataclass(frozen=True)
class Address:
    """Where the page is to be found, and by whom.

    Attributes:
        host: Which of the machine's addresses to listen on: 127.0.0.1 is reached from the machine alone, 0.0.0.0 from
            its network.
        port: The first free one from 7860 on, unless given.
        share: Whether Gradio makes a public address for it, through a tunnel, for a week.
        auth: Names and passwords of those who may use it; everybody if empty.
        root_path: Below which path a proxy shows it.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    share: bool = False
    auth: tuple[tuple[str, str], ...] = ()
    root_path: str | None = None


def open_page(studio: Studio, example: Example, address: Address, overlap: float = 0.5, shifts: int = 1) -> gr.Blocks:
    """Serve the page of a studio, in threads of its own; ``close()`` of what is returned ends it.

    Args:
        studio: Separates.
        example: Finds or makes the example song.
        address: Where and for whom.
        overlap: Of windows, where the visitor says nothing.
        shifts: Passes, where the visitor says nothing.

    Returns:
        Gradio's page: ``local_url`` and ``share_url`` are its addresses.

    Raises:
        InputError: If the port is taken, or the public address cannot be had.
    """
    _check_free(address)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # Gradio asks itself whether it is there
    os.environ["GRADIO_TEMP_DIR"] = str(studio.shelf.uploads)  # where Gradio puts uploads, and all that it may read
    gr.set_static_paths(studio.shelf.songs)  # stems are sent from where they are, without a copy
    page = build_page(studio, example, overlap, shifts)
    page.queue(default_concurrency_limit=None)
    page.launch(
        server_name=address.host,
        server_port=address.port,
        share=address.share,
        auth=list(address.auth) or None,
        root_path=address.root_path,
        max_file_size=round(studio.limits.megabytes * MEGABYTE),
        app_kwargs=_own_parts(studio),
        prevent_thread_lock=True,
        quiet=True,
        ssr_mode=False,
        run_history=False,
        footer_links=["api"],
        enable_monitoring=False,
        **_looks(),
    )
    if address.share and not page.share_url:
        page.close()
        raise InputError("share=true found no way to Gradio's server of public addresses: leave it out")
    return page


def _check_free(address: Address) -> None:
    """Make sure that the page can be opened where it is to be; Gradio would try a hundred ports first.

    Raises:
        InputError: If not.
    """
    try:
        family, _, _, _, (host, _, *rest) = socket.getaddrinfo(address.host, None, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((host, address.port or 0, *rest))
    except (OSError, OverflowError) as error:
        where = address.host if address.port is None else f"{address.host}:{address.port}"
        raise InputError(f"the page cannot be opened at {where} ({error}): give another host or port") from error


def _own_parts(studio: Studio) -> dict[str, Any]:
    """What is ours of Gradio's app."""
    guard = Middleware(Guard, megabytes=studio.limits.megabytes, place=studio.shelf.uploads)
    routes = [*routes_of(studio), Route("/player/{name}", _script)]
    return {"routes": routes, "middleware": [guard], "docs_url": None, "redoc_url": None}


async def _script(request: Request) -> Response:
    """A part of the instrument; browsers ask each time whether it has changed, so that all parts go together."""
    path = SCRIPTS.get(request.path_params["name"])
    headers = {"Cache-Control": "no-cache"}
    return FileResponse(path, media_type="text/javascript", headers=headers) if path else Response(status_code=404)


def _looks() -> dict[str, Any]:
    """Theme, style sheets and scripts of the page."""
    mono = ("ui-monospace", "monospace")
    theme = gr.themes.Base(primary_hue="violet", neutral_hue="slate", font=FONTS, font_mono=mono).set(
        button_primary_background_fill="*primary_600",  # Gradio's own are too pale to be read
        button_primary_background_fill_hover="*primary_700",
        body_text_color_subdued="*neutral_600",
        block_info_text_color="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_info_text_color_dark="*neutral_300",
    )
    return {"theme": theme, "css_paths": STYLES, "head": INSTRUMENT}
