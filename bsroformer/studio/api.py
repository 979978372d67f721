"""The same for programs: the endpoints that Gradio exposes."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from bsroformer.errors import InputError
from bsroformer.file_names import from_here
from bsroformer.studio.job import FINISHED, Job, Wish, title_of, visitor_of
from bsroformer.studio.readers import Readers
from bsroformer.studio.studio import Studio

ROUND = 0.2
"""Seconds between two looks at a job."""
SUBMITTED_AT_A_TIME = 16


def add_endpoints(studio: Studio, overlap: float, shifts: int, readers: Readers) -> None:
    """Add ``/separate`` and ``/checkpoints`` to the page that is being built.

    Args:
        studio: Separates.
        overlap: Of windows, unless a program says otherwise.
        shifts: Passes, unless a program says otherwise.
        readers: Knows which programs still read.
    """
    # Its own threads, since songs that are slow to open may take them all, and the page needs the others.
    threads = ThreadPoolExecutor(SUBMITTED_AT_A_TIME, "submitting")

    async def separate(
        song: str | None,
        checkpoint: str,
        stems: list[str] | None,
        rest: bool,
        overlap: float,
        shifts: float,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (how Gradio knows where to put it)
    ) -> list[str]:
        """Separate a song into wav files, in the order of the stems; all of the checkpoint's unless some are named."""
        if song is None:
            raise refusal("Give a song.")
        visitor = visitor_of(request.username, request.client.host if request.client else "", "program")
        try:
            wanted = stems or studio.offer(checkpoint).stems
            wish = Wish(Path(song), title_of(song), checkpoint, wanted, rest, overlap, shifts, visitor)
            job = await asyncio.get_running_loop().run_in_executor(threads, studio.submit, wish)
        except InputError as error:
            raise refusal(str(error)) from error
        try:
            await _finished(job, progress, readers, request.session_hash)
        finally:
            studio.cancel(job)  # if the program has gone
        if job.state != "done":
            raise refusal(job.message or job.state)
        return [str(from_here(path)) for path in job.files]

    def checkpoints() -> list[dict[str, Any]]:
        """The checkpoints to choose from: name, stems, and scores in dB by stem."""
        return [
            {"name": offer.name, "stems": list(offer.stems), "metric": offer.metric, "scores": dict(offer.scores)}
            for offer in studio.offers.values()
        ]

    ask, stems = gr.Button(visible=False), gr.Files(label="stems", visible=False)
    ask.click(separate, _arguments(studio, overlap, shifts), stems, api_name="separate", concurrency_limit=None)
    gr.api(checkpoints, api_name="checkpoints", queue=False)


def _arguments(studio: Studio, overlap: float, shifts: int) -> list[gr.components.Component]:
    """What ``/separate`` takes; the page's own controls know the stems of one checkpoint only.

    None of them is choosy: Gradio would refuse with a sentence of its own and a traceback.
    """
    names = list(studio.offers)
    known = list(dict.fromkeys(stem for offer in studio.offers.values() for stem in offer.stems))
    return [
        gr.File(label="song", visible=False),
        gr.Dropdown(names, value=names[0], label="checkpoint", allow_custom_value=True, visible=False),
        gr.Dropdown(known, value=[], label="stems", multiselect=True, allow_custom_value=True, visible=False),
        gr.Checkbox(False, label="rest", visible=False),
        gr.Number(overlap, label="overlap", visible=False),
        gr.Number(shifts, label="shifts", visible=False),
    ]


def refusal(sentence: str) -> gr.Error:
    """What is told to a visitor or program, and not to whoever runs the page."""
    return gr.Error(sentence, print_exception=False)


async def _finished(job: Job, progress: gr.Progress, readers: Readers, session: str | None) -> None:
    """Wait until a job is finished or nobody waits for it, and report how far it is to a program that reads it.

    A song that nobody reads about counts as left, and makes room for others like that of a page that was closed.
    """
    event = LocalContext.event_id.get(None)
    while job.state not in FINISHED and not _is_left(event):
        if readers.read(event) or readers.read(session):
            job.ask()
            progress(0.0 if not job.seconds else min(1.0, job.done / job.seconds), desc=job.state)
        await asyncio.sleep(ROUND)


def _is_left(event_id: str | None) -> bool:
    """Whether the program has closed its connection: Gradio notes that, and keeps the call running."""
    page = LocalContext.blocks.get(None)
    event = page._queue.event_ids_to_events.get(event_id) if page and event_id else None
    return event is not None and not event.alive
