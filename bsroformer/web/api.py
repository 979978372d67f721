"""The same for programs: the endpoints that Gradio exposes."""

import asyncio
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from bsroformer.errors import InputError
from bsroformer.web.job import FINISHED, Job, Wish, title_of
from bsroformer.web.studio import Studio

ROUND = 0.2
"""Seconds between two looks at a job."""


def add_endpoints(studio: Studio, overlap: float, shifts: int) -> None:
    """Add ``/separate`` and ``/checkpoints`` to the page that is being built.

    Args:
        studio: Separates.
        overlap: Of windows, unless a program says otherwise.
        shifts: Passes, unless a program says otherwise.
    """

    async def separate(
        song: str | None,
        checkpoint: str,
        stems: list[str] | None,
        rest: bool,
        overlap: float,
        shifts: float,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (how Gradio knows where to put it)
    ) -> list[str]:
        """Separate a song into wav files, in the order of the stems; all of the checkpoint's unless some are named."""
        if song is None:
            raise refusal("Give a song.")
        try:
            wanted = tuple(stems or ()) or studio.offer(checkpoint).stems
            job = studio.submit(Wish(Path(song), title_of(song), checkpoint, wanted, rest, overlap, shifts))
        except InputError as error:
            raise refusal(str(error)) from error
        try:
            await _finished(job, progress)
        finally:
            studio.cancel(job)  # if whoever asked has gone
        if job.state != "done":
            raise refusal(job.message or job.state)
        return [str(path) for path in job.files]

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


async def _finished(job: Job, progress: gr.Progress) -> None:
    """Wait until a job is finished or nobody waits for it, and tell how far it is."""
    while job.state not in FINISHED and not _is_left():
        job.ask()
        progress(0.0 if not job.seconds else min(1.0, job.done / job.seconds), desc=job.state)
        await asyncio.sleep(ROUND)


def _is_left() -> bool:
    """Whether whoever asked has closed the connection: Gradio takes note of that, and lets us go on in vain."""
    page, event_id = LocalContext.blocks.get(None), LocalContext.event_id.get(None)
    event = page._queue.event_ids_to_events.get(event_id) if page and event_id else None
    return event is not None and not event.alive
