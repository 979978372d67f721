"""The page: which song, which checkpoint, which stems, how well; and the instrument that plays them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from bsroformer.errors import InputError
from bsroformer.studio.api import add_endpoints, refusal
from bsroformer.studio.job import Wish, title_of, visitor_of
from bsroformer.studio.limits import MOST_OVERLAP, MOST_SHIFTS
from bsroformer.studio.menu import Offer
from bsroformer.studio.readers import Readers
from bsroformer.studio.studio import Studio
from bsroformer.studio.visits import Visits

TITLE = "Stem studio"
KINDS = ["audio", "video", ".caf", ".mka", ".oga", ".opus", ".rf64", ".w64", ".wv"]
"""Of files that can be chosen: by the first half of their MIME type, and endings that have none everywhere."""
SONG = "Song: mp3, wav, flac, m4a, mp4 …"
QUALITIES = {"Fast": (0.125, 1), "Good": (0.5, 1), "Best": (0.75, 2)}
"""Overlap and shifts; the last computes each sample eight times."""
PLAYER = "<stem-player></stem-player>"
ON_LOAD = (Path(__file__).parent / "page.js").read_text("utf-8")
FROM_THE_OPEN_TAB = """(file, recording, ...chosen) => {
  const inSight = document.querySelector("#recording")?.getClientRects().length > 0;
  return [inSight ? null : file, recording, ...chosen];
}"""
"""While the recorder is in sight no file counts. That is looked up at the click, since events may come late."""

Example = Callable[[], tuple[Path, str]]
"""Gives the example's file and title."""


def build_page(studio: Studio, example: Example, overlap: float, shifts: int, readers: Readers) -> gr.Blocks:
    """The page of a studio.

    Args:
        studio: Separates.
        example: Finds or makes the example song.
        overlap: Where its slider stands at first.
        shifts: Where its slider stands at first.
        readers: Knows which programs still read.
    """
    usual, visits = next(iter(studio.offers.values())), Visits(studio)
    with gr.Blocks(title=TITLE, analytics_enabled=False) as page:
        gr.HTML(f"<h1>{TITLE}</h1><p>{_greeting(studio)}</p>", elem_id="greeting")
        with gr.Row(equal_height=False):
            with gr.Column(min_width=300):
                song, recording, from_example = _song_controls()
            with gr.Column(min_width=300):
                checkpoint, stems, rest = _checkpoint_controls(studio, usual)
                quality, lap, passes = _quality_controls(overlap, shifts)
        start = gr.Button("Separate", variant="primary", size="lg", elem_id="start")
        player = gr.HTML(
            value=None, html_template=PLAYER, js_on_load=ON_LOAD, apply_default_css=False, elem_id="player"
        )
        choices = [checkpoint, stems, rest, lap, passes]

        def begin(request: gr.Request, path: str | None, taken: str | None, *chosen: Any) -> str:
            source = path or taken
            if source is None:
                raise refusal("Drop a song first, or record one.")
            return _submitted(visits, request, Path(source), title_of(source) if path else "Recording", *chosen)

        def begin_example(request: gr.Request, *chosen: Any) -> str:
            try:
                return _submitted(visits, request, *example(), *chosen)
            except InputError as error:
                raise refusal(str(error)) from error

        def choose(name: str) -> tuple[Any, Any, Any]:
            try:
                return _chosen(studio.offer(name))
            except InputError as error:
                raise refusal(str(error)) from error

        # Gradio shows the errors of its queue only: what may be refused goes through it.
        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        start.click(begin, [song, recording, *choices, player], player, js=FROM_THE_OPEN_TAB, **quiet)
        from_example.click(begin_example, [*choices, player], player, **quiet)
        checkpoint.change(choose, checkpoint, [checkpoint, stems, rest], queue=False, **quiet)
        quality.input(QUALITIES.__getitem__, quality, [lap, passes], queue=False, **quiet)
        add_endpoints(studio, overlap, shifts, readers)
    return page


def _greeting(studio: Studio) -> str:
    limits = studio.limits
    return (
        "Drop a song and hear it come apart: solo, mute and balance its stems, and take them with you. "
        f"Songs of up to {limits.minutes:g} minutes and {limits.megabytes:g} MB; stems are yours alone, and deleted "
        f"after {limits.keep_minutes:g} minutes."
    )


def _song_controls() -> tuple[gr.File, gr.Audio, gr.Button]:
    with gr.Tabs():
        with gr.Tab("A file"):
            song = gr.File(label=SONG, file_types=KINDS, height=190, elem_id="song")
        with gr.Tab("Record"):
            recording = gr.Audio(
                label="Recording", sources=["microphone"], type="filepath", buttons=[], elem_id="recording"
            )
    return song, recording, gr.Button("Try the example song", size="sm", elem_id="example")


def _checkpoint_controls(studio: Studio, usual: Offer) -> tuple[gr.Dropdown, gr.CheckboxGroup, gr.Checkbox]:
    choices = [(offer.label, offer.name) for offer in studio.offers.values()]
    known = _scores(usual)
    checkpoint = gr.Dropdown(choices, value=usual.name, label="Checkpoint", info=known, elem_id="checkpoint")
    stems = gr.CheckboxGroup(list(usual.stems), value=list(usual.stems), label="Stems", elem_id="stems")
    rest = gr.Checkbox(len(usual.stems) == 1, label="The rest too: the mixture minus these", elem_id="rest")
    return checkpoint, stems, rest


def _quality_controls(overlap: float, shifts: int) -> tuple[gr.Radio, gr.Slider, gr.Slider]:
    usual = next((name for name, values in QUALITIES.items() if values == (overlap, shifts)), None)
    quality = gr.Radio(list(QUALITIES), value=usual, label="Quality", elem_id="quality")
    with gr.Accordion("Overlap and shifts", open=usual is None):
        lap = gr.Slider(
            0, MOST_OVERLAP, overlap, step=0.125, label="Overlap", info="Share of a window that the next one repeats"
        )
        passes = gr.Slider(
            1, MOST_SHIFTS, shifts, step=1, label="Shifts", info="Passes with windows at other places, averaged"
        )
    return quality, lap, passes


def _chosen(offer: Offer) -> tuple[Any, Any, Any]:
    """What changes with the checkpoint."""
    stems = list(offer.stems)
    return gr.Dropdown(info=_scores(offer)), gr.CheckboxGroup(stems, value=stems), gr.Checkbox(len(stems) == 1)


def _scores(offer: Offer) -> str:
    """What is known of how well a checkpoint separates."""
    if not offer.scores:
        return "Its scores are not known here." if offer.score is None else f"{offer.metric}: {offer.score:.1f} dB"
    return f"{offer.metric} in dB: " + ", ".join(f"{stem} {score:.1f}" for stem, score in offer.scores.items())


def _submitted(
    visits: Visits,
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
    """Take a song in, in place of the one that the page has; its token."""
    address = request.client.host if request.client else ""
    visitor = visitor_of(request.username, address, "page")
    wish = Wish(source, title, checkpoint, stems, rest, overlap, shifts, visitor)
    try:
        return visits.submit(request.session_hash, wish, shown).token
    except InputError as error:
        raise refusal(str(error)) from error
