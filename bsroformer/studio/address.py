"""The page's address on the network, and the accounts that may use it."""

import re
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

import yaml

from bsroformer.errors import InputError

MAX_PORT = 65_535
ROOT_PATH = re.compile(r"(https?://[\w.:\[\]-]+)?(/[\w.~/-]*)?", re.ASCII)
TUNNEL = "*.gradio.live"
"""Host names of Gradio's public addresses."""
WRONG_AUTH = "auth must be name:password, or a list of these: auth=[anna:secret,ben:other]"
"""Without the value, which contains passwords."""


@dataclass(frozen=True)
class Address:
    """Where the page is served, and for whom.

    Attributes:
        host: Address of this machine to listen on: 127.0.0.1 is reached from the machine alone, 0.0.0.0 from its
            network.
        port: The port; None for the first free one from 7860.
        share: Whether Gradio opens a tunnel with a public address for a week.
        auth: Names and passwords of visitors; if empty, everybody may use the page.
        root_path: Path of the page behind a proxy, or its whole address there.
        hosts: Further host names; ``*`` matches any part.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    share: bool = False
    auth: tuple[tuple[str, str], ...] = ()
    root_path: str | None = None
    hosts: tuple[str, ...] = ()

    @property
    def host_and_port(self) -> str:
        """Host and port, for messages."""
        return self.host if self.port is None else f"{self.host}:{self.port}"


def host_in(address: str) -> str:
    """Return the host name in an address, in lower case; empty if there is none."""
    try:
        return (urlsplit(address).hostname or "").rstrip(".")
    except ValueError:
        return ""


def local_names(address: Address) -> list[str]:
    """Return the host names of this machine."""
    machine = socket.gethostname()
    names = ["localhost", address.host, machine, f"{machine}.local"]
    if address.share:
        names.append(TUNNEL)
    return names


def proxy_names(address: Address) -> list[str]:
    """Return the host names under which a proxy shows the page."""
    names = list(address.hosts)
    host = host_in(address.root_path or "")
    if host:
        names.append(host)
    return names


def check_address(address: Address) -> None:
    """Raise `InputError` if the page cannot be served at an address."""
    root_path = address.root_path or ""
    if not ROOT_PATH.fullmatch(root_path) or root_path.startswith("//"):
        raise InputError(f"root_path must be a path such as /studio, or an address with https://, got {root_path}")
    if address.port is not None and not 1 <= address.port <= MAX_PORT:
        raise InputError(f"port must be in 1 to {MAX_PORT}, or null for the first free one, got {address.port}")
    try:
        family, _, _, _, (host, _, *rest) = socket.getaddrinfo(address.host, None, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, address.port or 0, *rest))
    except (OSError, UnicodeError) as error:
        where = address.host_and_port
        raise InputError(f"the page cannot be opened at {where} ({error}); give another host or port") from error


def parse_accounts(auth: object) -> tuple[tuple[str, str], ...]:
    """Parse the names and passwords of ``auth``.

    Args:
        auth: A list of ``name:password``; or text from an environment variable: one account, several between commas,
            or a list in brackets. A comma belongs to a password unless another ``name:`` follows it, or the list has
            quotes.

    Raises:
        InputError: A name or a password is missing, or a name occurs twice. The message contains none of them.
    """
    listed = _split(auth.strip()) if isinstance(auth, str) else auth
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise InputError(WRONG_AUTH)
    accounts = tuple(_account(each) for each in listed)
    names = {name for name, _ in accounts}
    if not accounts or len(names) < len(accounts):
        raise InputError(f"{WRONG_AUTH}, each name once")
    return accounts


def _split(text: str) -> object:
    """Split a list that is written as text."""
    if not (text.startswith("[") and text.endswith("]")):
        return _split_at_commas(text)
    try:
        return yaml.load(text, Loader=yaml.BaseLoader)  # which reads every value as text
    except yaml.YAMLError:
        return _split_at_commas(text[1:-1])


def _split_at_commas(text: str) -> list[str]:
    parts: list[str] = []
    for part in text.split(","):
        if parts and ":" not in part:
            parts[-1] += f",{part}"
        else:
            parts.append(part.strip())
    return parts


def _account(text: str) -> tuple[str, str]:
    name, _, password = text.partition(":")
    if not name or not password:
        raise InputError(WRONG_AUTH)
    return name, password
