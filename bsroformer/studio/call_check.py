"""Checks of calls of the page's functions, since Gradio prints a traceback for a wrong one."""

import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import BlockFunction
from gradio.components import Component

CALL = re.compile(r"/gradio_api/(?:queue/join|(?P<way>call/v2|call|run|api)/(?P<name>[^/]+))/?")
"""Address of a call; addresses below it are of events, which are only read."""
UNKNOWN = "unknown function; /gradio_api/info describes all functions"
SEPARATE = ("song", "checkpoint", "stems", "rest", "overlap", "shifts")
"""Arguments of ``/separate``, in order."""
WRONG_SONG = 'song must be {"path": ..., "meta": {"_type": "gradio.FileData"}} with the path of an upload'


class Functions:
    """Checks calls, since Gradio prints a traceback for a wrong one.

    Args:
        page: Gradio's page, whose functions are called.
        folders: Folders of the files that a call may name: uploads and stems.
    """

    def __init__(self, page: gr.Blocks, folders: Sequence[Path]) -> None:
        self.page = page
        self.folders = [folder.resolve() for folder in folders]

    def check(self, path: str, call: Any) -> str | None:
        """Return the error of a call; None if it has none, or if the request is not a call.

        Args:
            path: The request's path below ``root_path``.
            call: Its JSON.
        """
        address = CALL.fullmatch(path)
        if address is None:
            return None
        if not isinstance(call, dict):
            return "a call must be a JSON object"
        function = self._function(address["name"], call)
        if function is None:
            return UNKNOWN
        fault = check_call(path, call)
        if fault is not None:
            return fault
        if not all(self._is_here(named) for named in paths_in(call) if isinstance(named, str)):
            return "path must be the response to an upload"
        return _wrong_names(function, call) if address["way"] == "call/v2" else _wrong_data(function, call)

    def _is_here(self, path: str) -> bool:
        file = Path(path).resolve()
        return any(file.is_relative_to(folder) for folder in self.folders)

    def _function(self, name: str | None, call: dict[str, Any]) -> BlockFunction | None:
        number = call.get("fn_index")
        if number is not None:
            return self.page.fns.get(number) if type(number) is int else None
        return next((each for each in self.page.fns.values() if name is not None and each.api_name == name), None)


def _wrong_names(function: BlockFunction, call: dict[str, Any]) -> str | None:
    """Return the error of named values."""
    if function.api_visibility == "private" or function.fn is None:
        return UNKNOWN
    unknown = call.keys() - inspect.signature(function.fn).parameters
    return f"{min(map(str, unknown)):.60} is not an argument of this function" if unknown else None


def _wrong_data(function: BlockFunction, call: dict[str, Any]) -> str | None:
    """Return the error of values in their order."""
    data, inputs = call.get("data"), function.inputs
    of_programs = [component for component in inputs if not component.skip_api]
    if not isinstance(data, list) or len(data) not in (len(inputs), len(of_programs)):
        return f"data must be a list of {len(inputs)} values"
    components = inputs if len(data) == len(inputs) else of_programs
    for component, value in zip(components, data, strict=True):
        if isinstance(component, Component) and not _fits(component, value):
            return f"{component.label} has a wrong value"
    return None


def _fits(component: Component, value: Any) -> bool:
    """Return whether a component can have a value, as far as our own functions do not check it."""
    if isinstance(component, gr.File | gr.Audio):
        return value is None or is_song(value)
    if isinstance(component, gr.CheckboxGroup):
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    if isinstance(component, gr.Radio) or (isinstance(component, gr.Dropdown) and not component.allow_custom_value):
        return value in [choice for _, choice in component.choices]
    if isinstance(component, gr.Slider):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and component.minimum <= value <= component.maximum
    return True


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
