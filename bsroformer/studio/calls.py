"""The form of a program's call, checked before Gradio, which prints a traceback for each that is wrong."""

from typing import Any

SEPARATE = ("song", "checkpoint", "stems", "rest", "overlap", "shifts")
"""What the endpoint takes, in order."""
NO_SONG = 'song must be {"path": ..., "meta": {"_type": "gradio.FileData"}} with the path of an upload'


def wrong_call(path: str, call: Any) -> str | None:
    """What is wrong with the form of a call; None if nothing is, or if it is of another endpoint.

    Args:
        path: The request's, below ``root_path``.
        call: Its JSON.
    """
    if not path.startswith("/gradio_api/call/") or not path.rstrip("/").endswith("/separate"):
        return None
    if not isinstance(call, dict):
        return "a call must be a JSON object"
    if "/v2/" in path:
        song = call.get("song")
    else:
        values = call.get("data")
        if not isinstance(values, list) or len(values) != len(SEPARATE):
            return f"data must be a list of {len(SEPARATE)} values: {', '.join(SEPARATE)}"
        song = values[0]
    return None if song is None or _is_song(song) else NO_SONG


def _is_song(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("path"), str):
        return False
    meta = value.get("meta", {})
    return bool(value["path"]) and isinstance(meta, dict)
