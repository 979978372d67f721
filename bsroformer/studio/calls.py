"""The form of a program's call, checked before Gradio, which prints a traceback for a wrong one."""

from collections.abc import Iterable, Iterator
from typing import Any

SEPARATE = ("song", "checkpoint", "stems", "rest", "overlap", "shifts")
"""Arguments of ``/separate``, in order."""
WRONG_SONG = 'song must be {"path": ..., "meta": {"_type": "gradio.FileData"}} with the path of an upload'


def check_call(path: str, call: Any) -> str | None:
    """Check a call of ``/separate``, and return the error; None for other endpoints.

    Args:
        path: The request's path below ``root_path``.
        call: Its JSON.
    """
    if not path.startswith("/gradio_api/call/") or not path.rstrip("/").endswith("/separate"):
        return None
    if not isinstance(call, dict):
        return "a call must be a JSON object"
    if "/v2/" in path:
        song = call.get("song", WRONG_SONG)
    else:
        values = call.get("data")
        if not isinstance(values, list) or len(values) != len(SEPARATE):
            return f"data must be a list of {len(SEPARATE)} values: {', '.join(SEPARATE)}"
        song = values[0]
    return None if song is None or is_song(song) else WRONG_SONG


def is_song(value: Any) -> bool:
    """Return whether a value has the form of an uploaded file."""
    if not isinstance(value, dict) or not isinstance(value.get("path"), str):
        return False
    meta = value.get("meta", {})
    return bool(value["path"]) and isinstance(meta, dict)


def paths_in(tree: Any) -> Iterator[Any]:
    """Yield each value of a key ``path`` anywhere in plain data, unless it is null."""
    if isinstance(tree, dict):
        if tree.get("path") is not None:
            yield tree["path"]
        inner: Iterable[Any] = tree.values()
    else:
        inner = tree if isinstance(tree, list) else ()
    for each in inner:
        yield from paths_in(each)
