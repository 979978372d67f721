"""Where the page can be found, and by whom."""

import re
import socket
from dataclasses import dataclass

from bsroformer.errors import InputError
from bsroformer.studio.origin import name_in

MAX_PORT = 65_535
ROOT_PATH = re.compile(r"(https?://[\w.:\[\]-]+)?(/[\w.~/-]*)?", re.ASCII)
TUNNEL = "*.gradio.live"
"""Names of public addresses of Gradio's."""


@dataclass(frozen=True)
class Address:
    """Where the page is to be found, and by whom.

    Attributes:
        host: Which of the machine's addresses to listen on: 127.0.0.1 is reached from the machine alone, 0.0.0.0 from
            its network.
        port: The first free one from 7860 on, unless given.
        share: Whether Gradio makes a public address for it, through a tunnel, for a week.
        auth: Names and passwords of those who may use it; everybody if empty.
        root_path: Below which path a proxy shows it, or its whole address there.
        hosts: Other names under which it may be asked for; ``*`` stands for any part of one.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    share: bool = False
    auth: tuple[tuple[str, str], ...] = ()
    root_path: str | None = None
    hosts: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Host and port, for messages."""
        return self.host if self.port is None else f"{self.host}:{self.port}"


def own_names(address: Address) -> list[str]:
    """Names under which this machine may be asked for the page."""
    machine = socket.gethostname()
    tunnel = [TUNNEL] if address.share else []
    return ["localhost", address.host, machine, f"{machine}.local", *tunnel]


def proxy_names(address: Address) -> list[str]:
    """Names under which a proxy shows the page."""
    given = name_in(address.root_path or "")
    return [*address.hosts, *([given] if given else [])]


def check_address(address: Address) -> None:
    """Make sure that the page can be opened at an address; Gradio would try a hundred ports first.

    Raises:
        InputError: If not.
    """
    root_path = address.root_path or ""
    if not ROOT_PATH.fullmatch(root_path) or root_path.startswith("//"):
        raise InputError(f"root_path={root_path} must be a path such as /studio, or an address with https://")
    if address.port is not None and not 1 <= address.port <= MAX_PORT:
        raise InputError(
            f"the page cannot be opened at {address.place} (ports are numbers from 1 to {MAX_PORT}): "
            "give another host or port, or none for the first free one from 7860 on"
        )
    try:
        family, _, _, _, (host, _, *rest) = socket.getaddrinfo(address.host, None, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((host, address.port or 0, *rest))
    except (OSError, UnicodeError) as error:
        raise InputError(
            f"the page cannot be opened at {address.place} ({error}): give another host or port"
        ) from error
