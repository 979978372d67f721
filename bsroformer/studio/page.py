"""The page: controls for song, checkpoint, stems and quality, and the player."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from bsroformer.errors import InputError
from bsroformer.studio.api import add_endpoints, client_address, refusal
from bsroformer.studio.catalog import CheckpointOption
from bsroformer.studio.job import SeparationRequest, title_of, visitor_of
from bsroformer.studio.job_queue import PageSessions
from bsroformer.studio.limits import MAX_OVERLAP, MAX_SHIFTS
from bsroformer.studio.middleware import EventStreams
from bsroformer.studio.studio import Studio
from bsroformer.text import decibels

TITLE = "Stem studio"
FILE_TYPES = ["audio", "video", ".caf", ".mka", ".oga", ".opus", ".rf64", ".w64", ".wv"]
"""First halves of MIME types, and suffixes without a MIME type on some systems."""
SONG_LABEL = "Song: mp3, wav, flac, m4a, mp4 …"
QUALITIES = {"Fast": (0.125, 1), "Good": (0.5, 1), "Best": (0.75, 2)}
"""Overlap and shifts; the last computes each sample eight times."""
PLAYER = "<stem-player></stem-player>"
ON_LOAD = (Path(__file__).parent / "page.js").read_text("utf-8")
FROM_OPEN_TAB = """(file, recording, ...choices) => {
  const recorderVisible = document.querySelector("#recording")?.getClientRects().length > 0;
  return [recorderVisible ? null : file, recording, ...choices];
}"""
"""Ignores the file while the recorder is visible. It runs at the click, since events of tabs may come late."""

Example = Callable[[], tuple[Path, str]]
"""Returns the file and the title of the example song."""


def build_page(studio: Studio, example: Example, overlap: float, shifts: int, streams: EventStreams) -> gr.Blocks:
    """Build the page of a studio, with initial values of overlap and shifts."""
    default = next(iter(studio.checkpoints.values()))
    sessions = PageSessions(studio.submit, studio.job)
    with gr.Blocks(title=TITLE, analytics_enabled=False) as page:
        gr.HTML(f"<h1>{TITLE}</h1><p>{_greeting(studio)}</p>", elem_id="greeting")
        with gr.Row(equal_height=False):
            with gr.Column(min_width=300):
                song, recording, example_button = _song_controls()
            with gr.Column(min_width=300):
                checkpoint, stems, rest = _checkpoint_controls(studio, default)
                quality, overlap_slider, shifts_slider = _quality_controls(overlap, shifts)
        start = gr.Button("Separate", variant="primary", size="lg", elem_id="start")
        player = gr.HTML(
            value=None, html_template=PLAYER, js_on_load=ON_LOAD, apply_default_css=False, elem_id="player"
        )
        choices = [checkpoint, stems, rest, overlap_slider, shifts_slider]

        def submit_song(request: gr.Request, file: str | None, recorded: str | None, *chosen: Any) -> str:
            source = file or recorded
            if source is None:
                raise refusal("Drop a song first, or record one.")
            title = title_of(source) if file else "Recording"
            return _submit(sessions, request, Path(source), title, *chosen)

        def submit_example(request: gr.Request, *chosen: Any) -> str:
            try:
                return _submit(sessions, request, *example(), *chosen)
            except InputError as error:
                raise refusal(str(error)) from error

        def choose(name: str) -> tuple[Any, Any, Any]:
            try:
                return _checkpoint_updates(studio.checkpoint(name))
            except InputError as error:
                raise refusal(str(error)) from error

        # Gradio shows the errors of its queue only: what may be refused runs in it. Functions here must not have the
        # names of the endpoints, which would get a number.
        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        start.click(submit_song, [song, recording, *choices, player], player, js=FROM_OPEN_TAB, **quiet)
        example_button.click(submit_example, [*choices, player], player, **quiet)
        checkpoint.change(choose, checkpoint, [checkpoint, stems, rest], queue=False, **quiet)
        quality.input(QUALITIES.__getitem__, quality, [overlap_slider, shifts_slider], queue=False, **quiet)
        add_endpoints(studio, overlap, shifts, streams)
    return page


def _greeting(studio: Studio) -> str:
    limits = studio.limits
    return (
        "Drop a song to separate it into stems: solo, mute and balance them, and download them. "
        f"Songs of up to {limits.minutes:g} minutes and {limits.megabytes:g} MB; your stems are private, and deleted "
        f"after {limits.keep_minutes:g} minutes."
    )


def _song_controls() -> tuple[gr.File, gr.Audio, gr.Button]:
    with gr.Tabs():
        with gr.Tab("A file"):
            song = gr.File(label=SONG_LABEL, file_types=FILE_TYPES, height=190, elem_id="song")
        with gr.Tab("Record"):
            recording = gr.Audio(
                label="Recording", sources=["microphone"], type="filepath", buttons=[], elem_id="recording"
            )
    example_button = gr.Button("Try the example song", size="sm", elem_id="example")
    return song, recording, example_button


def _checkpoint_controls(
    studio: Studio, default: CheckpointOption
) -> tuple[gr.Dropdown, gr.CheckboxGroup, gr.Checkbox]:
    choices = [(option.label, option.name) for option in studio.checkpoints.values()]
    scores = _scores_text(default)
    checkpoint = gr.Dropdown(choices, value=default.name, label="Checkpoint", info=scores, elem_id="checkpoint")
    stems = gr.CheckboxGroup(list(default.stems), value=list(default.stems), label="Stems", elem_id="stems")
    rest = gr.Checkbox(len(default.stems) == 1, label="The rest too: the mixture minus these", elem_id="rest")
    return checkpoint, stems, rest


def _quality_controls(overlap: float, shifts: int) -> tuple[gr.Radio, gr.Slider, gr.Slider]:
    default = next((name for name, values in QUALITIES.items() if values == (overlap, shifts)), None)
    quality = gr.Radio(list(QUALITIES), value=default, label="Quality", elem_id="quality")
    with gr.Accordion("Overlap and shifts", open=default is None):
        overlap_slider = gr.Slider(
            0, MAX_OVERLAP, overlap, step=0.125, label="Overlap", info="Share of a window that the next one repeats"
        )
        shifts_slider = gr.Slider(
            1, MAX_SHIFTS, shifts, step=1, label="Shifts", info="Passes with shifted windows, averaged"
        )
    return quality, overlap_slider, shifts_slider


def _checkpoint_updates(option: CheckpointOption) -> tuple[Any, Any, Any]:
    """Return the new scores, stems and rest after a checkpoint was chosen."""
    stems = list(option.stems)
    return gr.Dropdown(info=_scores_text(option)), gr.CheckboxGroup(stems, value=stems), gr.Checkbox(len(stems) == 1)


def _scores_text(option: CheckpointOption) -> str:
    if option.scores:
        scores = [f"{stem} {decibels(score, '')}" for stem, score in option.scores.items()]
        return f"{option.metric} in dB: {', '.join(scores)}"
    if option.score is not None:
        return f"{option.metric}: {decibels(option.score)}"
    return "No scores are known."


def _submit(
    sessions: PageSessions,
    request: gr.Request,
    source: Path,
    title: str,
    checkpoint: str,
    stems: Sequence[str],
    rest: bool,
    overlap: float,
    shifts: int,
    shown: str | None,
) -> str:
    """Submit a song, which replaces the one that the page has; return its token."""
    visitor = visitor_of(request.username, client_address(request), "page")
    wanted = SeparationRequest(source, title, checkpoint, stems, rest, overlap, shifts, visitor)
    try:
        return sessions.submit(request.session_hash, wanted, shown).token
    except InputError as error:
        raise refusal(str(error)) from error
