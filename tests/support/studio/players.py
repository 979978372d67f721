"""The player in a browser, with a song of noise and a recorder of its output."""

from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from support.studio.pretend_studio import TOKEN, PretendStudio, served
from support.studio.visitors import PATIENCE, PLAYER

RATE, SEGMENT_SECONDS = 16_000, 1.0
SECONDS = 12.3
"""Length of the song, which a slow machine does not play to its end between clicks."""
SEGMENT = round(RATE * SEGMENT_SECONDS)
NAMES = ("mixture", "vocals", "drums", "no_vocals")

# All output also goes to an audio worklet that keeps every block, independent of clocks and of the time of sampling.
# The context is suspended until the worklet is loaded. `starts` holds the onsets after silence.
RECORDER = """
  const code = `registerProcessor("recorder", class extends AudioWorkletProcessor {
    process([input]) { this.port.postMessage(input[0]?.slice() ?? new Float32Array(128)); return true; }
  })`;
  const connect = AudioNode.prototype.connect;
  Object.assign(window, { heard: [], starts: [], silent: true });
  const record = ({ data }) => {
    const first = data.findIndex((sample) => sample !== 0);
    if (silent && first >= 0) starts.push(heard.length + first);
    silent = first < 0;
    heard.push(...data);
  };
  window.AudioContext = class extends AudioContext {
    constructor(options) {
      super(options);
      super.suspend();
      this.mixed = new GainNode(this);
      connect.call(this.mixed, this.destination);
      this.recording = this.#record();
    }
    async #record() {
      await this.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
      const recorder = new AudioWorkletNode(this, "recorder");
      recorder.port.onmessage = record;
      connect.call(this.mixed, recorder);
    }
    async resume() {
      await this.recording;
      return super.resume();
    }
  };
  AudioNode.prototype.connect = function (target, ...rest) {
    return connect.call(this, target === this.context.destination ? this.context.mixed : target, ...rest);
  };
"""


@contextmanager
def noise() -> Iterator[PretendStudio]:
    """Three stems of noise and their sum; noise makes every sample unique."""
    rng = np.random.default_rng(0)
    stems = rng.uniform(-0.2, 0.2, (3, 1, round(RATE * SECONDS))).astype(np.float32)
    tracks = np.concatenate([stems.sum(0, keepdims=True), stems])
    with served(PretendStudio(tracks, NAMES, RATE, SEGMENT_SECONDS)) as studio:
        yield studio


@contextmanager
def instrument(browser: Any, studio: PretendStudio) -> Iterator[Any]:
    """Open a page with an empty player; fail on any script error."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(1000 * PATIENCE)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script(RECORDER)
    page.goto(studio.address)
    try:
        yield page
    finally:
        context.close()
    assert not errors


def show(page: Any, state: str = "done") -> None:
    page.evaluate(f"{PLAYER}.show('{TOKEN}')")
    page.wait_for_selector(f"stem-player[data-state={state}]")


def levels(page: Any) -> list[float]:
    """Return the linear gains of the tracks."""
    return page.evaluate(f"{PLAYER}.levelsHeard()")


def now(page: Any) -> int:
    """Return the playhead in whole seconds; the song is shorter than a minute."""
    return int(page.locator("[data-part=now]").inner_text().removeprefix("0:"))


def listen(page: Any, samples: int, start: int = 0, skip: int = 0) -> NDArray[np.float64]:
    """Return the output (t) from one of the onsets after silence, less `skip` samples."""
    place = {"start": start, "end": skip + samples}
    page.wait_for_function("({ start, end }) => heard.length >= starts[start] + end", arg=place)
    return recorded(page, f"starts[{start}] + {skip}, starts[{start}] + {skip + samples}")


def listen_to_the_end(page: Any) -> NDArray[np.float64]:
    """Wait for the first silence and return the output (t) before it."""
    page.wait_for_function("silent && starts.length")
    heard = recorded(page, "starts[0]")
    return heard[: np.flatnonzero(heard)[-1] + 1]


def recorded(page: Any, piece: str) -> NDArray[np.float64]:
    """Read a slice (t) of the recording as base64; Playwright is slow on long lists."""
    text = page.evaluate(f"""() => {{
      const bytes = new Uint8Array(Float32Array.from(heard.slice({piece})).buffer);
      return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
    }}""")
    return np.frombuffer(b64decode(text), "<f4").astype(np.float64)


def stems_of(studio: PretendStudio) -> NDArray[np.float64]:
    """(n t)"""
    return studio.tracks[1:, 0].astype(np.float64)


def place_in(source: NDArray[np.float64], excerpt: NDArray[np.float64]) -> int:
    """Find the position in the source at which the excerpt fits best."""
    return int(np.correlate(source, excerpt, "valid").argmax())
