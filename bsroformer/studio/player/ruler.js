import { make } from "./elements.js";
import { clock, spoken } from "./format.js";

const RULER_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600]; // s
const RULER_KEYS = { // s
  ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5, PageDown: -30, PageUp: 30, Home: -Infinity, End: Infinity,
};

/** The time scale above the lanes; for the keyboard it is a slider. */
export class Ruler {
  #seek;
  #length = 0;
  #at = 0;

  constructor(root, seek) {
    this.root = root;
    this.#seek = seek;
    root.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Set the song's length in seconds. */
  learn(length) {
    this.#length = length;
    this.root.setAttribute("aria-valuemax", Math.round(length));
  }

  /** Draw as many ticks as fit. */
  drawTicks() {
    const length = this.#length;
    const most = Math.max(2, this.root.clientWidth / 72);
    const step = RULER_STEPS.find((seconds) => length / seconds <= most) ?? 3600 * Math.ceil(length / 3600 / most);
    const ticks = [];
    const last = length * (1 - 0.45 / most); // leaves room for its number
    for (let time = 0; time < last; time += step) {
      const tick = make("span", clock(time));
      tick.style.left = `${100 * time / length}%`;
      ticks.push(tick);
    }
    this.root.replaceChildren(...ticks);
  }

  at(seconds) {
    this.#at = seconds;
    const text = `${spoken(seconds)} of ${spoken(this.#length)}`;
    if (text === this.root.getAttribute("aria-valuetext")) return; // announced once a second, not in every frame
    this.root.setAttribute("aria-valuenow", Math.round(seconds));
    this.root.setAttribute("aria-valuetext", text);
  }

  #key(event) {
    if (!(event.key in RULER_KEYS)) return;
    event.preventDefault();
    this.#seek(Math.min(Math.max(0, this.#at + RULER_KEYS[event.key]), this.#length));
  }
}
