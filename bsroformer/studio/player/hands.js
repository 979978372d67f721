/**
 * Pointer on the time line and keys for the whole instrument; single controls and the ruler see to their own.
 *
 * `will` is what comes of it: `length()` of the time line in seconds, `balance()` or null while there is none,
 * `seek(seconds)`, `toggle()` for play and pause, and `dragging()` whenever `dragged` is another one.
 */
export class Hands {
  #root; #will;
  dragged = null; // s; where the playhead is held

  constructor(root, will) {
    [this.#root, this.#will] = [root, will];
    root.addEventListener("keydown", (event) => this.#key(event));
    for (const kind of ["down", "move", "up", "cancel"]) {
      root.addEventListener(`pointer${kind}`, (event) => this.#drag(kind, event));
    }
  }

  get #ruler() {
    return this.#root.querySelector(".ruler");
  }

  /** A drag shows where it leads; the sound follows when it is let go. A swipe that scrolls the page does nothing. */
  #drag(kind, event) {
    const surface = event.target.closest(".lane, .ruler");
    if (kind === "down" && surface && event.button === 0) {
      surface.setPointerCapture(event.pointerId);
      this.#ruler.focus({ preventScroll: true });
      event.preventDefault(); // keeps the focus there
      this.dragged = this.#under(event);
    } else if (this.dragged === null) {
      return;
    } else if (kind === "move") {
      this.dragged = this.#under(event);
    } else {
      const seconds = this.dragged;
      this.dragged = null;
      if (kind === "up") this.#will.seek(seconds);
    }
    this.#will.dragging();
  }

  #under({ clientX }) {
    const { left, width } = this.#ruler.getBoundingClientRect();
    return Math.min(Math.max(0, (clientX - left) / width), 1) * this.#will.length();
  }

  #key(event) {
    const balance = this.#will.balance();
    if (event.altKey || event.ctrlKey || event.metaKey || !balance) return;
    const pressed = event.target.matches("button, summary, input:not([type=range])"); // by Space
    const track = Number(/^Digit(\d)$/.exec(event.code)?.[1] ?? NaN); // with Shift, the character is another
    let act = null;
    if (event.key === " " && !pressed) act = () => this.#will.toggle();
    else if (event.shiftKey && track > 0) act = () => balance.toggle(track, "mute");
    else if (!event.shiftKey && track >= 0) act = () => balance.toggle(track, "solo");
    if (!act || track >= balance.tracks.length) return;
    event.preventDefault();
    if (!event.repeat) act();
  }
}
