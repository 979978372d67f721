/**
 * Handles the pointer on the timeline, and keys for the whole player; controls and the ruler handle their own.
 *
 * `callbacks` has `length()` of the timeline in seconds, `balance()`, null while there is none, `seek(seconds)`,
 * `toggle()` for play and pause, and `dragging()`, called when `dragged` changes.
 */
export class InputController {
  #root;
  #callbacks;
  dragged = null; // s; position of a playhead that is dragged, else null

  constructor(root, callbacks) {
    this.#root = root;
    this.#callbacks = callbacks;
    root.addEventListener("keydown", (event) => this.#key(event));
    for (const kind of ["down", "move", "up", "cancel"]) {
      root.addEventListener(`pointer${kind}`, (event) => this.#drag(kind, event));
    }
  }

  get #ruler() {
    return this.#root.querySelector(".ruler");
  }

  /** Move the playhead with the pointer, and the sound at the release. A swipe that scrolls the page has no effect. */
  #drag(kind, event) {
    const surface = event.target.closest(".lane, .ruler");
    if (kind === "down" && surface && event.button === 0) {
      surface.setPointerCapture(event.pointerId);
      this.#ruler.focus({ preventScroll: true });
      event.preventDefault(); // keeps the focus on the ruler
      this.dragged = this.#timeAt(event);
    } else if (this.dragged === null) {
      return;
    } else if (kind === "move") {
      this.dragged = this.#timeAt(event);
    } else {
      const seconds = this.dragged;
      this.dragged = null;
      if (kind === "up") this.#callbacks.seek(seconds);
    }
    this.#callbacks.dragging();
  }

  #timeAt({ clientX }) {
    const { left, width } = this.#ruler.getBoundingClientRect();
    return Math.min(Math.max(0, (clientX - left) / width), 1) * this.#callbacks.length();
  }

  #key(event) {
    const balance = this.#callbacks.balance();
    if (event.altKey || event.ctrlKey || event.metaKey || !balance) return;
    const pressed = event.target.matches("button, summary, input:not([type=range])"); // which Space presses
    const track = Number(/^Digit(\d)$/.exec(event.code)?.[1] ?? NaN); // event.key depends on Shift
    let act = null;
    if (event.key === " " && !pressed) act = () => this.#callbacks.toggle();
    else if (event.shiftKey && track > 0) act = () => balance.toggle(track, "mute");
    else if (!event.shiftKey && track >= 0) act = () => balance.toggle(track, "solo");
    if (!act || track >= balance.tracks.length) return;
    event.preventDefault();
    if (!event.repeat) act();
  }
}
