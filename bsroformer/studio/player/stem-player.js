// The instrument of the studio, <stem-player>: a song's stems are heard, seen, balanced and taken home.
//
//   server      what the studio is asked for; Watch asks how far the song is
//   balance     which tracks sound, and how loud
//   sounds      the few decoded segments around the playhead
//   take        the sound from one start to the next stop, on one clock
//   deck        play, pause, jump; waits for what is not separated yet
//   overview    waveforms and spectrograms
//   row, ruler, report, downloads: what a visitor sees and presses;  parts: what they are made of
//   hands       the pointer on the time line, and the keys
//
// The page tells it the token of a song by `show(token)`; all else it asks the server for. Track 0 is the mixture, the
// others are the stems. Times are in seconds; a frame is a sample of all channels, counted from the song's beginning.

import { Balance } from "./balance.js";
import { Deck } from "./deck.js";
import { Downloads } from "./downloads.js";
import { Hands } from "./hands.js";
import { INSTRUMENT } from "./instrument.js";
import { Overview } from "./overview.js";
import { build, choice } from "./parts.js";
import { Report } from "./report.js";
import { Row } from "./row.js";
import { Ruler } from "./ruler.js";
import { address, fetched, Watch } from "./server.js";
import { clock, FINISHED } from "./words.js";

class StemPlayer extends HTMLElement {
  // What the page shows
  #parts = null; #instrument = null; #report = null; #ruler = null; #rows = []; #downloads = null;
  // Of the song
  #token = null; #facts = null; #watch = null; #balance = null; #deck = null; #overview = null;
  // Of the moment
  #view = "waveform"; #wasPlaying = false; #drawing = null; #following = null; #connection = null;
  #resized = new ResizeObserver(() => this.#redraw());
  #hands = new Hands(this, {
    length: () => this.#length,
    balance: () => this.#balance,
    seek: (seconds) => this.#seek(seconds),
    toggle: () => this.#toggle(),
    dragging: () => this.#place(),
  });

  /** Show the song of this token; null: none. */
  show(token) {
    if (token === this.#token) return;
    this.#leave();
    this.#token = token;
    if (token) {
      this.#watch = new Watch(token, (facts, trouble) => this.#hear(facts, trouble));
      this.#overview = new Overview(token);
    }
    if (this.isConnected) this.#goOn();
  }

  /** Linear gains of the tracks 0..n as they sound. */
  levelsHeard() {
    return this.#balance?.heard() ?? [];
  }

  connectedCallback() {
    if (!this.#parts) this.#build();
    this.#resized.observe(this.#parts.rows);
    window.addEventListener("pagehide", this.#pageHidden);
    this.#goOn();
  }

  disconnectedCallback() {
    this.#resized.disconnect();
    window.removeEventListener("pagehide", this.#pageHidden);
    this.#wasPlaying = this.#deck?.playing ?? false;
    this.#deck?.pause();
    this.#watch?.stop();
    this.#connection?.abort();
  }

  #goOn() {
    this.#connection = new AbortController();
    this.#watch?.start();
    if (this.#wasPlaying) this.#deck?.play();
    this.#wasPlaying = false;
  }

  /** Forget the song. */
  #leave() {
    this.#watch?.stop();
    this.#connection?.abort();
    this.#deck?.close();
    this.#watch = this.#deck = this.#overview = this.#facts = this.#balance = this.#downloads = null;
    this.#wasPlaying = false;
    this.#hands.dragged = null;
    this.#rows = [];
    delete this.dataset.state;
    if (this.#parts) this.#build();
  }

  // A song that nobody waits for holds up the others; if this page comes back, it asks again, and the song goes on.
  #pageHidden = () => {
    if (this.#facts && !FINISHED.includes(this.#facts.state)) navigator.sendBeacon(address(this.#token, "/leave"));
  };

  #build() {
    const { root, parts } = build(INSTRUMENT);
    [this.#instrument, this.#parts] = [root, parts];
    this.#report = new Report(() => fetched(address(this.#token, "/cancel"), { method: "POST" }));
    this.#ruler = new Ruler(parts.ruler, (seconds) => this.#seek(seconds));
    this.replaceChildren(this.#report.root, root);
    this.#resized.disconnect();
    this.#resized.observe(parts.rows);
    const views = [{ value: "waveform", text: "Waveform" }, { value: "spectrogram", text: "Spectrogram" }];
    parts.view.append(choice("View", views, this.#view, (view) => this.#look(view)));
    parts.play.addEventListener("click", () => this.#toggle());
    parts.back.addEventListener("click", () => this.#seek(0));
  }

  // ---- Facts ----

  #hear(facts, trouble) {
    this.#report.trouble(trouble);
    if (!facts) return;
    if (facts.successor) return this.show(facts.successor); // two clicks may be answered in any order
    const before = this.#facts?.state, deleted = facts.state === "deleted";
    this.#facts = deleted ? { ...this.#facts, ...facts } : facts;
    this.dataset.state = facts.state;
    if (deleted) this.#deck?.close();
    else this.#learn(facts);
    this.#showFacts();
    if (facts.state === before) return;
    this.dispatchEvent(new CustomEvent("stem-player-state", { detail: this.#facts, bubbles: true }));
  }

  #learn(facts) {
    if (!this.#balance) this.#arrange(facts);
    if (!facts.sample_rate) return;
    if (!this.#downloads) {
      this.#downloads = new Downloads(this.#token, this.#rows, facts.formats);
      this.#parts.downloads.replaceChildren(this.#downloads.root);
    }
    this.#deck.learn(facts);
    this.#ruler.learn(this.#length);
    this.#overview.learn(facts);
    this.#gather();
  }

  /** Make all that depends on which tracks there are. */
  #arrange({ tracks }) {
    this.#balance = new Balance(tracks.length, () => this.#balanced());
    this.#deck = new Deck(this.#token, this.#balance, () => this.#moved());
    this.#rows = tracks.map((track, number) => new Row(number, track, this.#balance));
    this.#parts.rows.replaceChildren(...this.#rows.map((row) => row.root));
  }

  #showFacts() {
    const { state, segments, sample_rate } = this.#facts, finished = FINISHED.includes(state);
    this.#report.show(this.#facts);
    this.#instrument.hidden = state === "deleted" || !(finished ? segments : sample_rate);
    this.#downloads?.show(this.#facts, this.#balance.mix());
    this.#redraw();
  }

  /** How long the line of time is. */
  get #length() {
    const { state, total, seconds } = this.#facts ?? {};
    return (FINISHED.includes(state) ? seconds : Math.max(total ?? 0, seconds ?? 0)) ?? 0;
  }

  // ---- Sound ----

  #toggle() {
    if (this.#deck?.playing) this.#deck.pause();
    else this.#deck?.play();
  }

  #seek(seconds) {
    this.#deck?.seek(seconds);
    this.#place();
  }

  #balanced() {
    for (const row of this.#rows) row.show();
    this.#downloads?.show(this.#facts, this.#balance.mix());
    this.#deck.rebalance();
  }

  /** The deck has started, stopped, or waits. */
  #moved() {
    const { playing, waiting } = this.#deck;
    this.toggleAttribute("data-playing", playing);
    this.#parts.play.setAttribute("aria-label", playing ? "Pause" : "Play");
    const behind = this.#deck.seconds >= this.#facts.seconds;
    this.#parts.wait.textContent = waiting && behind ? "waiting for the separation" : "";
    this.#follow();
  }

  #follow() {
    this.#place();
    if (!this.#deck?.playing) return;
    this.#following ??= requestAnimationFrame(() => {
      this.#following = null;
      this.#follow();
    });
  }

  // ---- Sight ----

  /** Put the playhead where the sound is, or where it is dragged to. */
  #place() {
    const seconds = this.#hands.dragged ?? this.#deck?.seconds ?? 0, length = this.#length;
    this.#parts.timeline.style.setProperty("--at", length ? Math.min(1, seconds / length) : 0);
    this.#parts.now.textContent = clock(seconds);
    this.#ruler.at(seconds);
  }

  #look(view) {
    this.#view = view;
    this.#gather();
    this.#redraw();
  }

  #gather() {
    if (!this.#facts?.segments) return;
    const kind = this.#view === "waveform" ? "peaks" : "webp";
    this.#overview.gather(kind, () => this.#redraw(), this.#connection.signal);
  }

  #redraw() {
    this.#drawing ??= requestAnimationFrame(() => {
      this.#drawing = null;
      if (this.#facts) this.#draw();
    });
  }

  #draw() {
    const length = this.#length, { timeline, length: text } = this.#parts;
    text.textContent = clock(length);
    timeline.style.setProperty("--ready", length ? Math.min(1, (this.#facts.seconds ?? 0) / length) : 0);
    this.#ruler.mark();
    this.#place();
    if (!this.#facts.segments || !length) return;
    for (const [track, { parts, colour }] of this.#rows.entries()) {
      const { canvas } = parts;
      const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((px) => Math.round(px * devicePixelRatio));
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      if (this.#view === "waveform") this.#overview.drawWaveform(canvas, track, colour, length);
      else this.#overview.drawSpectrogram(canvas, track, length);
    }
  }
}

customElements.define("stem-player", StemPlayer);
