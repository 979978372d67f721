import { make } from "./parts.js";
import { clock, spoken } from "./words.js";

const RULER_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600]; // s
const RULER_KEYS = { // s
  ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5, PageDown: -30, PageUp: 30, Home: -Infinity, End: Infinity,
};

/** The line of time above the lanes; a slider for the keyboard. */
export class Ruler {
  #seek; #length = 0; #at = 0;

  constructor(root, seek) {
    [this.root, this.#seek] = [root, seek];
    root.addEventListener("keydown", (event) => this.#key(event));
  }

  /** How long the song is, in seconds. */
  learn(length) {
    this.#length = length;
    this.root.setAttribute("aria-valuemax", Math.round(length));
  }

  /** Draw as many marks as there is room for. */
  mark() {
    const length = this.#length;
    const most = Math.max(2, this.root.clientWidth / 72);
    const step = RULER_STEPS.find((seconds) => length / seconds <= most) ?? 3600 * Math.ceil(length / 3600 / most);
    const marks = [];
    const last = length * (1 - 0.45 / most); // has room for its number
    for (let time = 0; time < last; time += step) {
      const mark = make("span", clock(time));
      mark.style.left = `${100 * time / length}%`;
      marks.push(mark);
    }
    this.root.replaceChildren(...marks);
  }

  at(seconds) {
    this.#at = seconds;
    const text = `${spoken(seconds)} of ${spoken(this.#length)}`;
    if (text === this.root.getAttribute("aria-valuetext")) return; // said once a second, not with every picture
    this.root.setAttribute("aria-valuenow", Math.round(seconds));
    this.root.setAttribute("aria-valuetext", text);
  }

  #key(event) {
    if (!(event.key in RULER_KEYS)) return;
    event.preventDefault();
    this.#seek(Math.min(Math.max(0, this.#at + RULER_KEYS[event.key]), this.#length));
  }
}
