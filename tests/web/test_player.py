"""The instrument in a real browser: what it lets one hear, is recorded at the end of its audio graph."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from numpy.typing import NDArray
from pretend_studio import TOKEN, PretendStudio, served

RATE, SEGMENT_SECONDS, SECONDS = 16_000, 1.0, 5.3
SEGMENT = round(RATE * SEGMENT_SECONDS)
NAMES = ("mixture", "vocals", "drums", "no_vocals")
INEXACT = 3 * 2 / 2**15  # three stems, each off by a step of 16 bits at most, doubled by the headroom
SETTLED = round(0.1 * RATE)  # after a start, all fades are over

# Whatever goes to the speakers goes to an audio worklet too, which keeps all blocks: no clock, no sampling by chance.
RECORDER = """
  const code = `registerProcessor("recorder", class extends AudioWorkletProcessor {
    process([input]) { this.port.postMessage([...input[0] ?? new Float32Array(128)]); return true; }
  })`;
  const connect = AudioNode.prototype.connect;
  window.heard = [];
  window.AudioContext = class extends AudioContext {
    constructor(options) {
      super(options);
      this.mixed = new GainNode(this);
      connect.call(this.mixed, this.destination);
      this.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: "text/javascript" }))).then(() => {
        const recorder = new AudioWorkletNode(this, "recorder");
        recorder.port.onmessage = ({ data }) => window.heard.push(...data);
        connect.call(this.mixed, recorder);
        window.recording = true;
      });
    }
  };
  AudioNode.prototype.connect = function (target, ...rest) {
    return connect.call(this, target === this.context.destination ? this.context.mixed : target, ...rest);
  };
"""
PLAYER = "document.querySelector('stem-player')"


@pytest.fixture
def studio() -> Iterator[PretendStudio]:
    """Three stems of noise, so that no sample of any can be taken for another; and their sum."""
    rng = np.random.default_rng(0)
    stems = rng.uniform(-0.2, 0.2, (3, 1, round(RATE * SECONDS))).astype(np.float32)
    with served(
        PretendStudio(np.concatenate([stems.sum(0, keepdims=True), stems]), NAMES, RATE, SEGMENT_SECONDS)
    ) as it:
        yield it


@pytest.fixture
def page(browser: Any, studio: PretendStudio) -> Iterator[Any]:
    """A page with the instrument, which has no song yet."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script(RECORDER)
    page.goto(studio.address)
    yield page
    context.close()
    assert not errors


def show(page: Any, state: str = "done") -> None:
    page.evaluate(f"{PLAYER}.show('{TOKEN}')")
    page.wait_for_selector(f"stem-player[data-state={state}]")


def levels(page: Any) -> list[float]:
    return page.evaluate(f"{PLAYER}.levelsHeard()")


def mix_levels(page: Any) -> list[float]:
    link = urlsplit(page.get_by_text("Mix as balanced").get_attribute("href"))
    return [float(level) for level in parse_qs(link.query)["levels"][0].split(",")]


def wait_heard(page: Any, seconds: float) -> None:
    """Wait until so much more has been recorded."""
    page.wait_for_function("window.recording")
    so_far = page.evaluate("heard.length")
    page.wait_for_function("(until) => heard.length >= until", arg=so_far + seconds * RATE)


def recorded(page: Any) -> NDArray[np.float64]:
    """All that has been heard, (t)."""
    return np.array(page.evaluate("heard"))


def place_in(source: NDArray[np.float64], excerpt: NDArray[np.float64]) -> int:
    """Where in the source the excerpt fits best."""
    return int(np.correlate(source, excerpt, "valid").argmax())


def sounding(recording: NDArray[np.float64]) -> NDArray[np.float64]:
    """Without the silence before and after."""
    where = np.flatnonzero(recording)
    return recording[where[0] : where[-1] + 1]


def stems_of(studio: PretendStudio) -> NDArray[np.float64]:
    """(n t)"""
    return studio.tracks[1:, 0].astype(np.float64)


def gains_in(studio: PretendStudio, heard: NDArray[np.float64], begin: int) -> NDArray[np.float64]:
    """How loud each stem is in what was heard from a sample of the song on; nothing else is in it."""
    stems = stems_of(studio)[:, begin : begin + len(heard)]
    gains, *_ = np.linalg.lstsq(stems.T, heard, rcond=None)
    np.testing.assert_allclose(gains @ stems, heard, atol=2 * INEXACT)
    return gains


def test_segments_join_as_they_were_cut(page: Any, studio: PretendStudio) -> None:
    show(page)
    page.get_by_label("Play").click()
    wait_heard(page, 2.4)

    heard, song = sounding(recorded(page))[SETTLED:], stems_of(studio).sum(0)
    begin = place_in(song, heard[:4000])
    assert begin + len(heard) > 2 * SEGMENT + 4000
    np.testing.assert_allclose(heard, song[begin : begin + len(heard)], atol=INEXACT)


def test_at_the_end_of_what_is_separated_it_waits_and_goes_on_with_the_next_sample(
    page: Any, studio: PretendStudio
) -> None:
    studio.separating(1)
    show(page, "separating")
    page.get_by_label("Play").click()
    waiting = page.get_by_text("waiting for the separation")
    waiting.wait_for()
    wait_heard(page, 0.2)
    before, song = sounding(recorded(page)), stems_of(studio).sum(0)
    np.testing.assert_allclose(before[SETTLED:], song[SEGMENT - len(before) + SETTLED : SEGMENT], atol=INEXACT)

    page.evaluate("heard.length = 0")
    studio.separating(3)
    waiting.wait_for(state="hidden")
    wait_heard(page, 0.5)
    after = sounding(recorded(page))
    onset = place_in(song, after[SETTLED : SETTLED + 4000]) - SETTLED
    assert abs(onset - SEGMENT) <= 1  # the first sample of a fade is zero


def test_a_stem_that_comes_back_joins_the_others_in_time(page: Any, studio: PretendStudio) -> None:
    show(page)
    page.get_by_label("Mute drums").click()
    page.get_by_label("Level of vocals").fill("-6")
    page.get_by_label("Play").click()
    wait_heard(page, 0.4)
    assert not [address for address in studio.asked if address.endswith((".0.flac", ".2.flac"))]

    page.get_by_label("Mute drums").click()
    wait_heard(page, 1.0)
    heard = sounding(recorded(page))
    begin = place_in(stems_of(studio)[2], heard[SETTLED : SETTLED + 4000]) - SETTLED
    vocals = 10 ** (-6 / 20)
    for at, gains in ((SETTLED, [vocals, 0, 1]), (len(heard) - 4000, [vocals, 1, 1])):
        assert gains_in(studio, heard[at : at + 4000], begin + at) == pytest.approx(gains, abs=1e-3)


def test_a_jump_is_heard_where_it_leads(page: Any, studio: PretendStudio) -> None:
    show(page)
    page.get_by_label("Play").click()
    wait_heard(page, 0.2)
    lane = page.locator(".lane").nth(2).bounding_box()
    page.mouse.click(lane["x"] + lane["width"] * 3.5 / SECONDS, lane["y"] + 20)
    page.evaluate("heard.length = 0")
    wait_heard(page, 0.6)
    onset = place_in(stems_of(studio).sum(0), recorded(page)[-4000:]) / RATE
    assert 3.5 < onset < SECONDS


def test_only_segments_around_the_playhead_are_fetched(page: Any, studio: PretendStudio) -> None:
    show(page)
    page.get_by_label("Position").press("End")
    page.get_by_label("Position").press("ArrowLeft")  # 0.3 s
    page.get_by_label("Play").click()
    wait_heard(page, 0.3)
    fetched = {address.split("/")[-1].split(".")[0] for address in studio.asked if address.endswith(".flac")}
    assert fetched == {"0", "1", "2"}


def test_at_the_end_it_stops_and_starts_again_from_the_beginning(page: Any, studio: PretendStudio) -> None:
    show(page)
    page.get_by_label("Position").press("End")
    page.get_by_label("Play").click()
    page.get_by_label("Pause").wait_for()
    assert float(page.get_by_label("Position").get_attribute("aria-valuenow")) < 2


def test_solo_mute_and_level_change_what_sounds_and_the_mix(page: Any, studio: PretendStudio) -> None:
    show(page)
    assert levels(page) == [0, 1, 1, 1]
    assert mix_levels(page) == [1, 1, 1]

    page.get_by_label("Level of no vocals").fill("-40")
    assert levels(page) == [0, 1, 1, 0]
    page.get_by_label("Level of no vocals").fill("6")
    page.get_by_label("Solo drums").click()
    page.get_by_label("Solo no vocals").click()
    assert levels(page) == pytest.approx([0, 0, 1, 10 ** (6 / 20)])
    page.get_by_label("Mute drums").click()
    assert mix_levels(page) == pytest.approx([0, 0, 10 ** (6 / 20)], abs=1e-4)
    page.get_by_label("Level of no vocals").dblclick()
    assert mix_levels(page) == [0, 0, 1]


def test_the_mixture_is_heard_alone_or_not_at_all_and_leaves_the_mix_as_it_is(page: Any, studio: PretendStudio) -> None:
    show(page)
    page.get_by_label("Mute vocals").click()
    page.get_by_label("Solo mixture").click()
    assert levels(page) == [1, 0, 0, 0]
    assert mix_levels(page) == [0, 1, 1]
    page.get_by_label("Solo drums").click()
    assert levels(page) == [0, 0, 1, 0]


def test_the_keyboard_moves_and_mixes(page: Any, studio: PretendStudio) -> None:
    show(page)
    position = page.get_by_label("Position")
    position.press("End")
    assert position.get_attribute("aria-valuetext") == "5 seconds of 5 seconds"
    position.press("ArrowLeft")
    assert page.locator("[data-part=now]").inner_text() == "0:00"
    position.press("PageUp")
    assert page.locator("[data-part=now]").inner_text() == "0:05"
    position.press("Home")
    position.press("2")
    assert levels(page) == [0, 0, 1, 0]
    position.press("Shift+2")
    position.press("2")
    assert levels(page) == [0, 1, 0, 1]
    position.press("0")
    assert levels(page) == [1, 0, 0, 0]
    level = page.get_by_label("Level of vocals")
    level.press("ArrowLeft")
    assert level.get_attribute("aria-valuetext") == "−0.5 dB"
    level.press("Delete")
    assert level.get_attribute("aria-valuetext") == "0 dB"


def test_space_plays_and_pauses_but_presses_a_button_that_has_the_focus(page: Any, studio: PretendStudio) -> None:
    show(page)
    page.get_by_label("Position").press(" ")
    page.get_by_label("Pause").wait_for()
    page.get_by_label("Level of drums").press(" ")
    page.get_by_label("Play").wait_for()
    page.get_by_label("Solo drums").press(" ")
    assert levels(page) == [0, 0, 1, 0]
    assert page.get_by_label("Play").is_visible()


def test_progress_is_told_and_can_be_ended(page: Any, studio: PretendStudio) -> None:
    page.evaluate("addEventListener('stem-player-state', ({ detail }) => (window.states ??= []).push(detail.state))")
    studio.state, studio.segments, studio.said = "waiting", 0, {"place": 2, "wait": 95.0}
    show(page, "waiting")
    page.get_by_text("2 songs are before yours; about 1:35 until it begins").wait_for()

    studio.said = {"left": 47.2, "speed": 3.14, "total": 220.0, "done": 72.5, "notes": ["It was surround sound."]}
    studio.separating(2)
    page.get_by_text("Separating 1:12 of 3:40 · 3.1 × real time · 0:47 left").wait_for()
    bar = page.get_by_role("progressbar")
    assert bar.evaluate("bar => bar.value / bar.max") == pytest.approx(72.5 / 220)
    assert page.get_by_text("It was surround sound.").is_visible()

    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("alert").get_by_text("The separation was cancelled.").wait_for()
    assert not bar.is_visible()
    assert f"POST /songs/{TOKEN}/cancel" in studio.asked
    assert page.evaluate("states") == ["waiting", "separating", "cancelled"]


def test_who_leaves_the_page_of_an_unfinished_song_says_so(page: Any, studio: PretendStudio) -> None:
    studio.separating(2)
    show(page, "separating")
    page.goto("about:blank")
    studio.wait_asked(f"POST /songs/{TOKEN}/leave")


def test_a_studio_that_does_not_answer_is_asked_again(page: Any, studio: PretendStudio) -> None:
    studio.separating(2)
    show(page, "separating")
    studio.away = True
    page.get_by_text("The studio does not answer. Still asking …").wait_for()
    studio.away = False
    studio.gone = True
    page.get_by_role("alert").get_by_text("This song has been deleted.").wait_for()
    assert not page.get_by_text("does not answer").is_visible()


def test_downloads_lead_somewhere_once_the_song_is_done(page: Any, studio: PretendStudio) -> None:
    studio.separating(2)
    show(page, "separating")
    links = [
        page.get_by_label("Download drums"),
        page.get_by_text("Mix as balanced"),
        page.get_by_text("All stems (zip)"),
    ]
    assert [link.get_attribute("href") for link in links] == [None] * 3
    assert [link.get_attribute("aria-disabled") for link in links] == ["true"] * 3

    studio.finish()
    page.get_by_text("Kept for another 58 minutes").wait_for()
    page.get_by_label("FLAC").check()
    assert [link.get_attribute("href") for link in links] == [
        f"{studio.address}songs/{TOKEN}/{path}"
        for path in ("stems/2.flac", "mix.flac?levels=1,1,1", "stems.zip?format=flac")
    ]
    assert [link.get_attribute("aria-disabled") for link in links] == [None] * 3


def test_it_survives_being_moved(page: Any, studio: PretendStudio) -> None:
    studio.separating(3)
    show(page, "separating")
    page.get_by_label("Solo drums").click()
    page.get_by_label("Play").click()
    page.wait_for_function("document.querySelector('[data-part=now]').textContent === '0:01'")
    page.evaluate(f"document.querySelector('#elsewhere').append({PLAYER})")
    assert levels(page) == [0, 0, 1, 0]
    assert page.locator("[data-part=now]").inner_text() == "0:01"
    page.wait_for_function("document.querySelector('[data-part=now]').textContent === '0:02'")

    page.evaluate(f"window.taken = {PLAYER}; taken.remove()")
    studio.finish()
    page.evaluate("document.body.append(taken)")
    page.wait_for_selector("stem-player[data-state=done]")
    assert levels(page) == [0, 0, 1, 0]


def test_another_song_begins_anew_and_none_shows_nothing(page: Any, studio: PretendStudio) -> None:
    show(page)
    page.get_by_label("Solo drums").click()
    page.evaluate(f"{PLAYER}.show(null)")
    assert levels(page) == []
    assert not page.locator("stem-player").is_visible()
    show(page)
    assert levels(page) == [0, 1, 1, 1]


def test_spectrograms_stand_in_their_own_rows(page: Any, studio: PretendStudio) -> None:
    show(page)
    page.get_by_label("Spectrogram").check()
    middle = """(canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, canvas.height / 2, canvas.width, 1);
      return [data[3] && data[0], data.at(-1) && data.at(-4)];
    }"""
    page.wait_for_function(f"({middle})(document.querySelector('canvas'))[1]")
    for number, canvas in enumerate(page.locator("canvas").all()):
        assert canvas.evaluate(middle) == pytest.approx([(number + 0.5) / len(NAMES) * 255] * 2, abs=3)


@pytest.mark.parametrize("width", [360, 420])
def test_it_fits_a_phone(page: Any, studio: PretendStudio, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    show(page)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    pressed = page.locator("stem-player :is(button, a, input, label, summary):visible").all()
    assert len(pressed) > 15
    small = [box for box in (one.bounding_box() for one in pressed) if min(box["height"], box["width"]) < 40]
    assert small == []
