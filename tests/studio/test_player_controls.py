"""Controls of the player in a browser: balance, keys, progress, downloads."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from support.studio.players import NAMES, levels, show
from support.studio.pretend_studio import TOKEN, PretendStudio
from support.studio.visitors import PLAYER


def mix_levels(page: Any) -> list[float]:
    link = urlsplit(page.get_by_text("Mix as balanced").get_attribute("href"))
    return [float(level) for level in parse_qs(link.query)["levels"][0].split(",")]


def test_solo_mute_and_level_change_sound_and_mix(page: Any, pretend: PretendStudio) -> None:
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


def test_the_mixture_is_heard_alone(page: Any, pretend: PretendStudio) -> None:
    show(page)
    page.get_by_label("Mute vocals").click()
    page.get_by_label("Solo mixture").click()
    assert levels(page) == [1, 0, 0, 0]
    assert mix_levels(page) == [0, 1, 1]
    page.get_by_label("Solo drums").click()
    assert levels(page) == [0, 0, 1, 0]


def test_the_keyboard_moves_and_mixes(page: Any, pretend: PretendStudio) -> None:
    show(page)
    position = page.get_by_label("Position")
    position.press("End")
    assert position.get_attribute("aria-valuetext") == "12 seconds of 12 seconds"
    position.press("ArrowLeft")
    assert page.locator("[data-part=now]").inner_text() == "0:07"
    position.press("PageUp")
    assert page.locator("[data-part=now]").inner_text() == "0:12"
    position.press("Home")
    assert page.locator("[data-part=now]").inner_text() == "0:00"
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


def test_a_key_works_before_the_first_picture(page: Any, pretend: PretendStudio) -> None:
    said = page.evaluate(f"""new Promise((said) => {{
      addEventListener("stem-player-state", () => {{
        const position = document.querySelector(".ruler");
        position.dispatchEvent(new KeyboardEvent("keydown", {{ key: "End" }}));
        said(position.getAttribute("aria-valuetext"));
      }});
      {PLAYER}.show("{TOKEN}");
    }})""")
    assert said == "12 seconds of 12 seconds"


def test_space_plays_unless_a_button_has_the_focus(page: Any, pretend: PretendStudio) -> None:
    show(page)
    page.get_by_label("Position").press(" ")
    page.get_by_label("Pause").wait_for()
    page.get_by_label("Level of drums").press(" ")
    page.get_by_label("Play").wait_for()
    page.get_by_label("Solo drums").press(" ")
    assert levels(page) == [0, 0, 1, 0]
    assert page.get_by_label("Play").is_visible()


def test_progress_is_shown_and_can_be_cancelled(page: Any, pretend: PretendStudio) -> None:
    page.evaluate("addEventListener('stem-player-state', ({ detail }) => (window.states ??= []).push(detail.state))")
    pretend.state, pretend.segments, pretend.said = "waiting", 0, {"place": 2, "wait": 95.0}
    show(page, "waiting")
    page.get_by_text("2 songs are before yours; it starts in about 1:35").wait_for()

    pretend.said = {"left": 47.2, "speed": 3.14, "total": 220.0, "done": 72.5, "notes": ["It was surround sound."]}
    pretend.separating(2)
    page.get_by_text("Separating 1:12 of 3:40 · 3.1 × real time · 0:47 left").wait_for()
    bar = page.get_by_role("progressbar")
    assert bar.evaluate("bar => bar.value / bar.max") == pytest.approx(72.5 / 220)
    assert page.get_by_text("It was surround sound.").is_visible()

    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("alert").get_by_text("The separation was cancelled.").wait_for()
    assert not bar.is_visible()
    assert f"POST /songs/{TOKEN}/cancel" in pretend.asked
    assert page.evaluate("states") == ["waiting", "separating", "cancelled"]


def test_a_closed_page_reports_its_unfinished_song(page: Any, pretend: PretendStudio) -> None:
    pretend.separating(2)
    show(page, "separating")
    page.goto("about:blank")
    pretend.wait_asked(f"POST /songs/{TOKEN}/leave")


def test_failed_status_requests_are_repeated(page: Any, pretend: PretendStudio) -> None:
    pretend.separating(2)
    show(page, "separating")
    pretend.away = True
    page.get_by_text("The server does not respond; retrying …").wait_for()
    pretend.away = False
    pretend.gone = True
    page.get_by_role("alert").get_by_text("This song has been deleted.").wait_for()
    assert not page.get_by_text("does not respond").is_visible()


def test_downloads_are_enabled_once_the_song_is_done(page: Any, pretend: PretendStudio) -> None:
    pretend.separating(2)
    show(page, "separating")
    links = [
        page.get_by_label("Download drums"),
        page.get_by_text("Mix as balanced"),
        page.get_by_text("All stems (zip)"),
    ]
    assert [link.get_attribute("href") for link in links] == [None] * 3
    assert [link.get_attribute("aria-disabled") for link in links] == ["true"] * 3

    pretend.finish()
    page.get_by_text("Kept for another 58 minutes").wait_for()
    page.get_by_label("FLAC").check()
    assert [link.get_attribute("href") for link in links] == [
        f"{pretend.address}songs/{TOKEN}/{path}"
        for path in ("stems/2.flac", "mix.flac?levels=1,1,1", "stems.zip?format=flac")
    ]
    assert [link.get_attribute("aria-disabled") for link in links] == [None] * 3


def test_it_survives_being_moved(page: Any, pretend: PretendStudio) -> None:
    pretend.separating(12)
    show(page, "separating")
    page.get_by_label("Solo drums").click()
    page.get_by_label("Play").click()
    until = "(second) => document.querySelector('[data-part=now]').textContent >= `0:0${second}`"
    page.wait_for_function(until, arg=1)
    before, after = page.evaluate(f"""[0, 1].map((after) => {{
      if (after) document.querySelector("#elsewhere").append({PLAYER});
      return document.querySelector("[data-part=now]").textContent;
    }})""")
    assert after >= before >= "0:01"
    assert levels(page) == [0, 0, 1, 0]
    assert page.get_by_label("Pause").is_visible()
    page.wait_for_function("(before) => document.querySelector('[data-part=now]').textContent > before", arg=after)

    page.evaluate(f"window.taken = {PLAYER}; taken.remove()")
    pretend.finish()
    page.evaluate("document.body.append(taken)")
    page.wait_for_selector("stem-player[data-state=done]")
    assert levels(page) == [0, 0, 1, 0]
    assert page.get_by_label("Pause").is_visible()


def test_another_song_resets_the_player(page: Any, pretend: PretendStudio) -> None:
    show(page)
    page.get_by_label("Solo drums").click()
    page.evaluate(f"{PLAYER}.show(null)")
    assert levels(page) == []
    assert not page.locator("stem-player").is_visible()
    show(page)
    assert levels(page) == [0, 1, 1, 1]


def test_spectrograms_have_their_own_rows(page: Any, pretend: PretendStudio) -> None:
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
def test_the_page_fits_a_phone(page: Any, pretend: PretendStudio, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    show(page)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    pressed = page.locator("stem-player :is(button, a, input, label, summary):visible").all()
    assert len(pressed) > 15
    small = [box for box in (one.bounding_box() for one in pressed) if min(box["height"], box["width"]) < 40]
    assert small == []
