"""The same for programs: the endpoints that Gradio exposes."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from bsroformer.errors import InputError
from bsroformer.web.job import FINISHED, Job, Wish
from bsroformer.web.studio import Studio

ROUND = 0.2
"""Seconds between two looks at a job."""


def add_endpoints(studio: Studio, song: gr.File, choices: Sequence[gr.components.Component]) -> None:
    """Add ``/separate`` and ``/checkpoints`` to the page that is being built.

    Args:
        studio: Separates.
        song: The page's control for a file.
        choices: Those for checkpoint, stems, rest, overlap and shifts, whose values are the usual ones.
    """

    async def separate(
        song: str | None,
        checkpoint: str,
        stems: list[str],
        rest: bool,
        overlap: float,
        shifts: float,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (how Gradio knows where to put it)
    ) -> list[str]:
        """Separate a song; its stems as wav files, in the order in which they were asked for."""
        if song is None:
            raise gr.Error("Give a song.")
        source = Path(song)
        try:
            job = studio.submit(Wish(source, source.stem, checkpoint, tuple(stems), rest, overlap, int(shifts)))
        except InputError as error:
            raise gr.Error(str(error)) from error
        try:
            await _finished(job, progress)
        finally:
            studio.cancel(job)  # if whoever asked has gone
        if job.state != "done":
            raise gr.Error(job.message or job.state)
        return [str(path) for path in job.files]

    def checkpoints() -> list[dict[str, Any]]:
        """The checkpoints to choose from: name, stems, and scores in dB by stem."""
        return [
            {"name": offer.name, "stems": list(offer.stems), "metric": offer.metric, "scores": dict(offer.scores)}
            for offer in studio.offers.values()
        ]

    ask, stems = gr.Button(visible=False), gr.Files(label="Stems", visible=False)
    ask.click(separate, [song, *choices], stems, api_name="separate", concurrency_limit=None)
    gr.api(checkpoints, api_name="checkpoints", queue=False)


async def _finished(job: Job, progress: gr.Progress) -> None:
    """Wait until a job is finished, and tell how far it is."""
    while job.state not in FINISHED:
        job.asked = time.monotonic()
        progress(0.0 if not job.seconds else min(1.0, job.done / job.seconds), desc=job.state)
        await asyncio.sleep(ROUND)
