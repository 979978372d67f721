"""The API for programs: the endpoints that Gradio exposes."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from bsroformer.errors import InputError
from bsroformer.file_names import from_here
from bsroformer.studio.job import FINISHED, Job, SeparationRequest, title_of, visitor_of
from bsroformer.studio.middleware import EventStreams
from bsroformer.studio.studio import Studio

POLL_INTERVAL_S = 0.2
MAX_SUBMISSIONS = 16
"""At the same time."""


def add_endpoints(studio: Studio, overlap: float, shifts: int, streams: EventStreams) -> None:
    """Add ``/separate`` and ``/checkpoints`` to the page that is being built."""
    # Songs that are slow to open may occupy all of these threads; the page needs the others.
    threads = ThreadPoolExecutor(MAX_SUBMISSIONS, "submitting")

    async def separate(
        song: str | None,
        checkpoint: str,
        stems: list[str] | None,
        rest: bool,
        overlap: float,
        shifts: float,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (by this Gradio recognises the argument)
    ) -> list[str]:
        """Separate a song into wav files; by default, into all stems of the checkpoint."""
        if song is None:
            raise refusal("song is missing")
        visitor = visitor_of(request.username, client_address(request), "program")
        try:
            stems = stems or list(studio.checkpoint(checkpoint).stems)
            wanted = SeparationRequest(Path(song), title_of(song), checkpoint, stems, rest, overlap, shifts, visitor)
            job = await asyncio.get_running_loop().run_in_executor(threads, studio.submit, wanted)
        except InputError as error:
            raise refusal(str(error)) from error
        try:
            await _wait(job, progress, streams, request.session_hash)
        finally:
            studio.cancel(job)  # if the program has disconnected
        if job.state != "done":
            raise refusal(job.message or job.state)
        return [str(from_here(path)) for path in job.files]

    def checkpoints() -> list[dict[str, Any]]:
        """List the checkpoints: name, stems, and scores in dB by stem."""
        return [
            {"name": option.name, "stems": list(option.stems), "metric": option.metric, "scores": dict(option.scores)}
            for option in studio.checkpoints.values()
        ]

    button = gr.Button(visible=False)
    files = gr.Files(label="stems", visible=False)
    arguments = _arguments(studio, overlap, shifts)
    button.click(separate, arguments, files, api_name="separate", concurrency_limit=None)
    gr.api(checkpoints, api_name="checkpoints", queue=False)


def _arguments(studio: Studio, overlap: float, shifts: int) -> list[gr.components.Component]:
    """Return the arguments of ``/separate``, which the page's own controls do not fit.

    They have the stems of all checkpoints and accept any value: otherwise Gradio would refuse it with a sentence of
    its own and print a traceback.
    """
    names = list(studio.checkpoints)
    stems = {stem: None for option in studio.checkpoints.values() for stem in option.stems}
    return [
        gr.File(label="song", visible=False),
        gr.Dropdown(names, value=names[0], label="checkpoint", allow_custom_value=True, visible=False),
        gr.Dropdown(list(stems), value=[], label="stems", multiselect=True, allow_custom_value=True, visible=False),
        gr.Checkbox(False, label="rest", visible=False),
        gr.Number(overlap, label="overlap", visible=False),
        gr.Number(shifts, label="shifts", visible=False),
    ]


def refusal(sentence: str) -> gr.Error:
    """Build an error for a visitor or program that is not printed on the server."""
    return gr.Error(sentence, print_exception=False)


def client_address(request: gr.Request) -> str:
    """Return the address of a request's client; empty if unknown."""
    return request.client.host if request.client else ""


async def _wait(job: Job, progress: gr.Progress, streams: EventStreams, session: str | None) -> None:
    """Report progress until a job is finished or its program has disconnected.

    A job whose events are not read counts as abandoned, like that of a page that was closed.
    """
    event = LocalContext.event_id.get(None)
    while job.state not in FINISHED and not _is_disconnected(event):
        if streams.is_open(event) or streams.is_open(session):
            job.touch()
            progress(0.0 if not job.seconds else min(1.0, job.done / job.seconds), desc=job.state)
        await asyncio.sleep(POLL_INTERVAL_S)


def _is_disconnected(event_id: str | None) -> bool:
    """Return whether a program has disconnected: Gradio lets its call run."""
    page = LocalContext.blocks.get(None)
    event = page._queue.event_ids_to_events.get(event_id) if page and event_id else None
    return event is not None and not event.alive
