// The player of the studio, <stem-player>: plays, shows, balances and downloads the stems of a song.
//
//   server      requests to the server; StatusPoller polls the status of a song
//   balance     level, solo and mute of the tracks
//   segments    the few decoded segments around the playhead
//   playback    the sound from one start to the next stop, on one clock
//   transport   play, pause, seek; waits for parts that are not separated yet
//   overview    waveforms and spectrograms
//   row, ruler, status, downloads: the visible parts;  layout, elements, format: their HTML and texts
//   input       the pointer on the timeline, and the keys
//
// The page calls `show(token)` with a song's token; the rest comes from the server. Track 0 is the mixture, the others
// are the stems. Times are in seconds; a frame is a sample of all channels, counted from the start of the song.

import { Balance } from "./balance.js";
import { Transport } from "./transport.js";
import { Downloads } from "./downloads.js";
import { InputController } from "./input.js";
import { LAYOUT } from "./layout.js";
import { Overview } from "./overview.js";
import { build, choice } from "./elements.js";
import { StatusPanel } from "./status.js";
import { Row } from "./row.js";
import { Ruler } from "./ruler.js";
import { address, fetched, StatusPoller } from "./server.js";
import { clock, FINISHED } from "./format.js";

class StemPlayer extends HTMLElement {
  // Visible parts
  #parts = null; #layout = null; #status = null; #ruler = null; #rows = []; #downloads = null;
  // The song
  #token = null; #facts = null; #watch = null; #balance = null; #transport = null; #overview = null;
  // Current state
  #view = "waveform"; #wasPlaying = false; #drawing = null; #following = null; #connection = null;
  #resized = new ResizeObserver(() => this.#redraw());
  #input = new InputController(this, {
    length: () => this.#length,
    balance: () => this.#balance,
    seek: (seconds) => this.#seek(seconds),
    toggle: () => this.#toggle(),
    dragging: () => this.#movePlayhead(),
  });

  /** Show the song of a token; null: none. */
  show(token) {
    if (token === this.#token) return;
    this.#forget();
    this.#token = token;
    if (token) {
      this.#watch = new StatusPoller(token, (facts, trouble) => this.#receive(facts, trouble));
      this.#overview = new Overview(token);
    }
    if (this.isConnected) this.#resume();
  }

  /** Audible linear gains of the tracks 0..n. */
  levelsHeard() {
    return this.#balance?.heard() ?? [];
  }

  connectedCallback() {
    if (!this.#parts) this.#build();
    this.#resized.observe(this.#parts.rows);
    window.addEventListener("pagehide", this.#pageHidden);
    this.#resume();
  }

  disconnectedCallback() {
    this.#resized.disconnect();
    window.removeEventListener("pagehide", this.#pageHidden);
    this.#wasPlaying = this.#transport?.playing ?? false;
    this.#transport?.pause();
    this.#watch?.stop();
    this.#connection?.abort();
  }

  #resume() {
    this.#connection = new AbortController();
    this.#watch?.start();
    if (this.#wasPlaying) this.#transport?.play();
    this.#wasPlaying = false;
  }

  /** Forget the song. */
  #forget() {
    this.#watch?.stop();
    this.#connection?.abort();
    this.#transport?.close();
    this.#watch = this.#transport = this.#overview = this.#facts = this.#balance = this.#downloads = null;
    this.#wasPlaying = false;
    this.#input.dragged = null;
    this.#rows = [];
    delete this.dataset.state;
    if (this.#parts) this.#build();
  }

  // An abandoned song delays the others. If this page comes back, its requests keep the song.
  #pageHidden = () => {
    if (this.#facts && !FINISHED.includes(this.#facts.state)) navigator.sendBeacon(address(this.#token, "/leave"));
  };

  #build() {
    const { root, parts } = build(LAYOUT);
    [this.#layout, this.#parts] = [root, parts];
    this.#status = new StatusPanel(() => fetched(address(this.#token, "/cancel"), { method: "POST" }));
    this.#ruler = new Ruler(parts.ruler, (seconds) => this.#seek(seconds));
    this.replaceChildren(this.#status.root, root);
    this.#resized.disconnect();
    this.#resized.observe(parts.rows);
    const views = [{ value: "waveform", text: "Waveform" }, { value: "spectrogram", text: "Spectrogram" }];
    parts.view.append(choice("View", views, this.#view, (view) => this.#setView(view)));
    parts.play.addEventListener("click", () => this.#toggle());
    parts.back.addEventListener("click", () => this.#seek(0));
  }

  // ---- Status ----

  #receive(facts, trouble) {
    this.#status.trouble(trouble);
    if (!facts) return;
    if (facts.successor) return this.show(facts.successor); // responses to two clicks may arrive in any order
    const before = this.#facts?.state, deleted = facts.state === "deleted";
    this.#facts = deleted ? { ...this.#facts, ...facts } : facts;
    this.dataset.state = facts.state;
    if (deleted) this.#transport?.close();
    else this.#learn(facts);
    this.#showStatus();
    if (facts.state === before) return;
    this.dispatchEvent(new CustomEvent("stem-player-state", { detail: this.#facts, bubbles: true }));
  }

  #learn(facts) {
    if (!this.#balance) this.#createTracks(facts);
    if (!facts.sample_rate) return;
    if (!this.#downloads) {
      this.#downloads = new Downloads(this.#token, this.#rows, facts.formats);
      this.#parts.downloads.replaceChildren(this.#downloads.root);
    }
    this.#transport.learn(facts);
    this.#ruler.learn(this.#length);
    this.#overview.learn(facts);
    this.#loadOverview();
  }

  /** Create everything that depends on the tracks. */
  #createTracks({ tracks }) {
    this.#balance = new Balance(tracks.length, () => this.#balanceChanged());
    this.#transport = new Transport(this.#token, this.#balance, () => this.#transportChanged());
    this.#rows = tracks.map((track, number) => new Row(number, track, this.#balance));
    this.#parts.rows.replaceChildren(...this.#rows.map((row) => row.root));
  }

  #showStatus() {
    const { state, segments, sample_rate } = this.#facts, finished = FINISHED.includes(state);
    this.#status.show(this.#facts);
    this.#layout.hidden = state === "deleted" || !(finished ? segments : sample_rate);
    this.#downloads?.show(this.#facts, this.#balance.mix());
    this.#redraw();
  }

  /** Length of the timeline. */
  get #length() {
    const { state, total, seconds } = this.#facts ?? {};
    return (FINISHED.includes(state) ? seconds : Math.max(total ?? 0, seconds ?? 0)) ?? 0;
  }

  // ---- Sound ----

  #toggle() {
    if (this.#transport?.playing) this.#transport.pause();
    else this.#transport?.play();
  }

  #seek(seconds) {
    this.#transport?.seek(seconds);
    this.#movePlayhead();
  }

  #balanceChanged() {
    for (const row of this.#rows) row.show();
    this.#downloads?.show(this.#facts, this.#balance.mix());
    this.#transport.rebalance();
  }

  /** Show that the transport has started, stopped, or waits. */
  #transportChanged() {
    const { playing, waiting } = this.#transport;
    this.toggleAttribute("data-playing", playing);
    this.#parts.play.setAttribute("aria-label", playing ? "Pause" : "Play");
    const behind = this.#transport.seconds >= this.#facts.seconds;
    this.#parts.wait.textContent = waiting && behind ? "waiting for the separation" : "";
    this.#follow();
  }

  #follow() {
    this.#movePlayhead();
    if (!this.#transport?.playing) return;
    this.#following ??= requestAnimationFrame(() => {
      this.#following = null;
      this.#follow();
    });
  }

  // ---- Picture ----

  /** Move the playhead to the sound, or to where it is dragged. */
  #movePlayhead() {
    const seconds = this.#input.dragged ?? this.#transport?.seconds ?? 0, length = this.#length;
    this.#parts.timeline.style.setProperty("--at", length ? Math.min(1, seconds / length) : 0);
    this.#parts.now.textContent = clock(seconds);
    this.#ruler.at(seconds);
  }

  #setView(view) {
    this.#view = view;
    this.#loadOverview();
    this.#redraw();
  }

  #loadOverview() {
    if (!this.#facts?.segments) return;
    const kind = this.#view === "waveform" ? "peaks" : "webp";
    this.#overview.load(kind, () => this.#redraw(), this.#connection.signal);
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
    this.#ruler.drawTicks();
    this.#movePlayhead();
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
