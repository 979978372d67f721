"""Calls of the page's functions, compared with what these take before Gradio sees them."""

import inspect
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import BlockFunction
from gradio.components import Component

from bsroformer.studio.calls import is_song, paths_in, wrong_call

CALL = re.compile(r"/gradio_api/(?:queue/join|(?P<way>call/v2|call|run|api)/(?P<name>[^/]+))/?")
"""The address of a call; what is below it, an event's, is only read."""
UNKNOWN = "there is no such function: /gradio_api/info describes those that there are"


class Functions:
    """Finds what is wrong with a call, of which Gradio would print a traceback.

    Args:
        page: Gradio's page, whose functions are called.
        folders: Where the files are that a call may name: uploads and stems.
    """

    def __init__(self, page: gr.Blocks, folders: Sequence[Path]) -> None:
        self.page = page
        self.folders = [folder.resolve() for folder in folders]

    def wrong(self, path: str, call: Any) -> str | None:
        """Find what is wrong with a call; None if nothing is, or if it is none.

        Args:
            path: The request's, below ``root_path``.
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
        fault = wrong_call(path, call)
        if fault is not None:
            return fault
        if not all(self._is_here(named) for named in paths_in(call) if isinstance(named, str)):
            return "path must be what the upload answered"
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
    """Find what is wrong with the names of values."""
    if function.api_visibility == "private" or function.fn is None:
        return UNKNOWN
    unknown = call.keys() - inspect.signature(function.fn).parameters
    return f"{min(map(str, unknown)):.60} is none of the values that this function takes" if unknown else None


def _wrong_data(function: BlockFunction, call: dict[str, Any]) -> str | None:
    """Find what is wrong with values in their order."""
    data, inputs = call.get("data"), function.inputs
    of_programs = [component for component in inputs if not component.skip_api]
    if not isinstance(data, list) or len(data) not in (len(inputs), len(of_programs)):
        return f"data must be a list of {len(inputs)} values"
    components = inputs if len(data) == len(inputs) else of_programs
    for component, value in zip(components, data, strict=True):
        if isinstance(component, Component) and not _fits(component, value):
            return f"{component.label} cannot be that"
    return None


def _fits(component: Component, value: Any) -> bool:
    """Check that a component can have a value; what our own functions check is left to them."""
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
