// The instrument of the studio, <stem-player>: a song's stems are heard, seen, balanced and taken home.
//
//   Watch       asks how far the song is
//   Balance     which tracks sound, and how loud
//   Sounds      the few decoded segments around the playhead
//   Take        the sound from one start to the next stop, on one clock
//   Deck        play, pause, jump; waits for what is not separated yet
//   Overview    waveforms and spectrograms
//   Row, Ruler, Report, Downloads: what a visitor sees and presses
//   StemPlayer  puts them together
//
// The page tells it the token of a song by `show(token)`; all else it asks the server for. Track 0 is the mixture, the
// others are the stems. Times are in seconds; a frame is a sample of all channels, counted from the song's beginning.
(() => {
"use strict";
if (customElements.get("stem-player")) return;

const ASK_EVERY = 400, ASK_WHEN_DONE = 30_000, ASK_AGAIN = 2_000; // ms
const FINISHED = ["done", "cancelled", "failed", "deleted"];
const OFF = -40, LOUDEST = 6; // dB; at OFF a track is silent
const AHEAD = 3; // segments in memory: the one that plays and those after it
// s; so far in the future a start is planned, and never less. A context's time may leap by the length of its buffer.
const LEAD = 0.1, MARGIN = 0.01;
const FADE = 0.006; // s; no click where sound starts or stops in the middle of the music
const SMOOTH = 0.015; // s; time constant of level changes
const STRIP_WIDTH = 2_000; // px of a song's spectrograms in memory, however long the song
const AT_ONCE = 6; // pictures or waveforms asked for together
const RULER_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600]; // s
const RULER_KEYS = { // s
  ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5, PageDown: -30, PageUp: 30, Home: -Infinity, End: Infinity,
};

// ---- Words and numbers ----

function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds + 1e-6));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

function spoken(seconds) {
  const [minutes, rest] = [Math.floor(seconds / 60), Math.floor(seconds % 60)];
  return minutes ? `${counted(minutes, "minute")} ${counted(rest, "second")}` : counted(rest, "second");
}

const counted = (number, thing) => `${number} ${thing}${number === 1 ? "" : "s"}`;
const gainOf = (level) => (level <= OFF ? 0 : 10 ** (level / 20));
const signOf = (number) => (number > 0 ? "+" : number < 0 ? "−" : "");
const levelText = (level) => (level <= OFF ? "−∞" : `${signOf(level)}${Math.abs(level)} dB`);

function progressText({ state, place, wait, done, total, left, speed }) {
  if (state === "loading") return "Loading the model";
  if (state === "waiting") {
    const songs = place === 1 ? "1 song is" : `${place} songs are`;
    const before = place ? `${songs} before yours` : "Yours is next";
    return wait === null ? before : `${before}; about ${clock(wait)} until it begins`;
  }
  return [
    `Separating ${clock(done)}${total ? ` of ${clock(total)}` : ""}`,
    speed && `${speed.toFixed(1)} × real time`,
    left !== null && `${clock(left)} left`,
  ].filter(Boolean).join(" · ");
}

function expiryText(seconds) {
  if (seconds < 90) return "Kept for another minute.";
  const minutes = Math.round(seconds / 60);
  return `Kept for another ${minutes < 120 ? counted(minutes, "minute") : counted(Math.round(minutes / 60), "hour")}.`;
}

// ---- What the server is asked for ----

const address = (token, path = "") => new URL(`songs/${token}${path}`, document.baseURI).href;

async function fetched(url, options) {
  const answer = await fetch(url, options);
  if (!answer.ok) throw new Error(`${answer.status}: ${url}`);
  return answer;
}

/** Asks how far a song is: often until it is finished, then now and then, since it is deleted some day. */
class Watch {
  #token; #hear; #asking = null; #failures = 0;

  /** `hear(facts, trouble)` gets the facts, or null and a sentence if there are none. */
  constructor(token, hear) {
    [this.#token, this.#hear] = [token, hear];
  }

  start() {
    if (this.#asking) return;
    this.#asking = new AbortController();
    this.#ask(this.#asking.signal);
  }

  stop() {
    this.#asking?.abort();
    this.#asking = null;
  }

  async #ask(stopped) {
    const pause = await this.#answer(stopped);
    if (!stopped.aborted && pause !== null) setTimeout(() => stopped.aborted || this.#ask(stopped), pause);
  }

  /** Tell the answer; returns how long to wait before the next question, null for ever. */
  async #answer(stopped) {
    const signal = AbortSignal.any([stopped, AbortSignal.timeout(10_000)]);
    let facts;
    try {
      const answer = await fetch(address(this.#token), { cache: "no-store", signal });
      if (!answer.ok && answer.status !== 404) throw new Error(answer.statusText);
      facts = answer.ok ? await answer.json() : { token: this.#token, state: "deleted" };
    } catch {
      return this.#unanswered(stopped);
    }
    if (stopped.aborted) return null;
    this.#failures = 0;
    this.#hear(facts, null);
    return facts.state === "done" ? ASK_WHEN_DONE : FINISHED.includes(facts.state) ? null : ASK_EVERY;
  }

  #unanswered(stopped) {
    if (stopped.aborted) return null;
    this.#failures += 1;
    if (this.#failures === 1) return ASK_EVERY; // a single question may get lost
    this.#hear(null, "The studio does not answer. Still asking …");
    return ASK_AGAIN;
  }
}

// ---- Sound ----

/** Level, solo and mute of each track, as on a mixing desk: a mute holds even in solo. */
class Balance {
  #changed;

  constructor(count, changed) {
    this.tracks = Array.from({ length: count }, () => ({ level: 0, solo: false, mute: false }));
    this.#changed = changed;
  }

  change(track, values) {
    Object.assign(this.tracks[track], values);
    if (track > 0 && values.solo) this.tracks[0].solo = false; // else the stem could not be heard beside the mixture
    this.#changed();
  }

  toggle(track, what) {
    this.change(track, { [what]: !this.tracks[track][what] });
  }

  /** Linear gains of the stems, 1..n: the mix that can be downloaded. */
  mix() {
    const stems = this.tracks.slice(1), anySolo = stems.some((stem) => stem.solo);
    return stems.map((stem) => (stem.mute || (anySolo && !stem.solo) ? 0 : gainOf(stem.level)));
  }

  /** Linear gains of all tracks, 0..n. The stems sum to the mixture, so that is heard alone or not at all. */
  heard() {
    const [mixture] = this.tracks, mix = this.mix();
    return mixture.solo ? [gainOf(mixture.level), ...mix.fill(0)] : [0, ...mix];
  }

  /** Numbers of the tracks that sound. */
  audible() {
    return this.heard().flatMap((gain, track) => (gain > 0 ? [track] : []));
  }
}

/** Decoded segments of the tracks that sound, no more than a few: an hour of six stems would fill gigabytes. */
class Sounds {
  #token; #context; #kept = new Map(); // "segment.track" -> { segment, abort, buffer }

  constructor(token, context) {
    [this.#token, this.#context] = [token, context];
  }

  /** Have segments first..end-1 of these tracks, or ask for them; forget segments that are not among them. */
  keep(first, end, tracks) {
    for (const [key, entry] of this.#kept) {
      if (entry.segment >= first && entry.segment < end) continue;
      entry.abort.abort();
      this.#kept.delete(key);
    }
    for (let segment = first; segment < end; segment++) {
      for (const track of tracks) if (!this.#kept.has(`${segment}.${track}`)) this.#ask(segment, track);
    }
  }

  get(segment, track) {
    return this.#kept.get(`${segment}.${track}`)?.buffer;
  }

  async #ask(segment, track) {
    const key = `${segment}.${track}`, entry = { segment, abort: new AbortController(), buffer: null };
    this.#kept.set(key, entry);
    try {
      const answer = await fetched(address(this.#token, `/listen/${key}.flac`), { signal: entry.abort.signal });
      entry.buffer = await this.#context.decodeAudioData(await answer.arrayBuffer());
    } catch {
      // Asked for again, but not at once: the server may be busy.
      setTimeout(() => this.#kept.get(key) === entry && this.#kept.delete(key), ASK_AGAIN);
    }
  }
}

/**
 * The sound from one start to the next stop. All tracks hang on one clock: the context's frame at which the song's
 * first frame sounds, or would have. Start times are whole frames, so that segments join as they were cut.
 */
class Take {
  #context; #rate; #length; #output; #gains; #headroom; #origin; #sources = new Map();

  constructor(context, { sample_rate, segment_frames, headroom }, frame, levels) {
    [this.#context, this.#rate, this.#length, this.#headroom] = [context, sample_rate, segment_frames, headroom];
    this.from = frame;
    this.next = Math.floor(frame / segment_frames); // the first segment that is not scheduled
    const begin = Math.ceil((context.currentTime + LEAD) * sample_rate);
    this.#origin = begin - frame;
    this.#output = new GainNode(context, { gain: 0 });
    this.#output.gain.setValueAtTime(0, begin / sample_rate);
    this.#output.gain.linearRampToValueAtTime(1, begin / sample_rate + FADE);
    this.#output.connect(context.destination);
    this.#gains = levels.map((level) => {
      const node = new GainNode(context, { gain: level * headroom });
      node.connect(this.#output);
      return node;
    });
  }

  /** Where in the song it is. */
  get frame() {
    return Math.max(this.from, Math.round(this.#context.currentTime * this.#rate) - this.#origin);
  }

  levels(levels) {
    const now = this.#context.currentTime;
    levels.forEach((level, track) => this.#gains[track].gain.setTargetAtTime(level * this.#headroom, now, SMOOTH));
  }

  /** Let a segment of a track sound at its time; what of it has passed already is left out. */
  add(segment, track, buffer, level) {
    const key = `${segment}.${track}`;
    if (this.#sources.has(key)) return;
    const first = segment * this.#length, start = this.#origin + first;
    const soonest = Math.ceil((this.#context.currentTime + MARGIN) * this.#rate);
    const skipped = Math.max(0, this.from - first), late = Math.max(skipped, soonest - start);
    if (late >= buffer.length) return;
    const source = new AudioBufferSourceNode(this.#context, { buffer });
    source.connect(this.#gains[track]);
    source.onended = () => this.#sources.delete(key);
    const when = (start + late) / this.#rate;
    if (late > skipped) this.#fadeIn(track, level, when);
    source.start(when, late / this.#rate);
    this.#sources.set(key, source);
  }

  stop() {
    const now = this.#context.currentTime, { gain } = this.#output;
    gain.cancelScheduledValues(now);
    gain.setTargetAtTime(0, now, FADE);
    for (const source of this.#sources.values()) source.stop(now + 10 * FADE);
    setTimeout(() => this.#output.disconnect(), 200);
  }

  #fadeIn(track, level, when) {
    const { gain } = this.#gains[track];
    gain.cancelScheduledValues(0);
    gain.setValueAtTime(0, when);
    gain.setTargetAtTime(level * this.#headroom, when, SMOOTH);
  }
}

/** Play, pause and jump in a song that may still grow. */
class Deck {
  #token; #balance; #changed; #facts = null; #context = null; #sounds = null; #take = null; #rest = 0; #timer = null;
  playing = false;

  /** `changed()` is called when it starts, stops, or begins or ends to wait. */
  constructor(token, balance, changed) {
    [this.#token, this.#balance, this.#changed] = [token, balance, changed];
  }

  /** New facts about the song; those of a song that can be heard. */
  learn(facts) {
    const segment_frames = Math.round(facts.segment_seconds * facts.sample_rate);
    this.#facts = { ...facts, segment_frames, ready: Math.round(facts.seconds * facts.sample_rate) };
  }

  get seconds() {
    return this.#facts ? this.#frame / this.#facts.sample_rate : 0;
  }

  get waiting() {
    return this.playing && !this.#take;
  }

  play() {
    if (!this.#facts || this.playing) return;
    this.#context ??= new AudioContext({ sampleRate: this.#facts.sample_rate });
    this.#sounds ??= new Sounds(this.#token, this.#context);
    this.#context.resume(); // browsers keep it silent until a visitor has pressed something
    if (this.#atEnd()) this.#rest = 0;
    this.playing = true;
    this.#timer = setInterval(() => this.#turn(), 50);
    this.#turn();
    this.#changed();
  }

  pause() {
    if (!this.playing) return;
    this.#halt(this.#frame);
    this.playing = false;
    clearInterval(this.#timer);
    // A context that runs keeps the sound card awake.
    setTimeout(() => this.playing || this.#context?.suspend(), 300);
    this.#changed();
  }

  seek(seconds) {
    if (!this.#facts) return;
    this.#halt(Math.max(0, Math.round(seconds * this.#facts.sample_rate)));
    this.#turn();
    this.#changed();
  }

  /** The balance is another one. */
  rebalance() {
    this.#take?.levels(this.#balance.heard());
    this.#turn();
  }

  close() {
    this.pause();
    this.#context?.close();
    this.#context = this.#sounds = this.#facts = null;
  }

  get #frame() {
    return this.#take ? Math.min(this.#take.frame, this.#end) : this.#rest;
  }

  /** Where the sound that is scheduled ends. */
  get #end() {
    return Math.min(this.#take.next * this.#facts.segment_frames, this.#facts.ready);
  }

  #atEnd() {
    return FINISHED.includes(this.#facts.state) && this.#frame >= this.#facts.ready;
  }

  #halt(frame) {
    this.#take?.stop();
    this.#take = null;
    this.#rest = frame;
  }

  /** What has to be done every moment while it plays. */
  #turn() {
    if (!this.playing) return;
    if (this.#take && this.#frame === this.#end) {
      this.#halt(this.#end);
      this.#changed();
    }
    if (this.#atEnd()) return this.pause();
    const { segments, segment_frames } = this.#facts;
    const current = Math.floor(this.#frame / segment_frames), end = Math.min(current + AHEAD, segments);
    this.#sounds.keep(current, end, this.#balance.audible());
    const begins = !this.#take && current < end && this.#has(current);
    if (begins) this.#take = new Take(this.#context, this.#facts, this.#frame, this.#balance.heard());
    if (this.#take) this.#schedule(current, end);
    if (begins) this.#changed();
  }

  /** Segments begin with all of their tracks together; a track that comes to sound later joins as soon as it can. */
  #schedule(current, end) {
    while (this.#take.next < end && this.#has(this.#take.next)) this.#take.next += 1;
    const levels = this.#balance.heard();
    for (let segment = current; segment < this.#take.next; segment++) {
      for (const track of this.#balance.audible()) {
        const buffer = this.#sounds.get(segment, track);
        if (buffer) this.#take.add(segment, track, buffer, levels[track]);
      }
    }
  }

  #has(segment) {
    return this.#balance.audible().every((track) => this.#sounds.get(segment, track));
  }
}

// ---- Sight ----

/** Waveforms and spectrograms of all tracks. */
class Overview {
  #token; #facts = null; #peaks = []; #strip = null; #span = 0; #gathered = { peaks: 0, webp: 0 }; #busy = new Set();

  constructor(token) {
    this.#token = token;
  }

  learn(facts) {
    this.#facts = facts;
  }

  /** Fetch what there is of a kind, "peaks" or "webp", and is not here yet; `changed()` is called as it comes. */
  async gather(kind, changed, signal) {
    if (this.#busy.has(kind)) return;
    this.#busy.add(kind);
    try {
      while (this.#gathered[kind] < this.#facts.segments && !signal.aborted) {
        const first = this.#gathered[kind], end = Math.min(first + AT_ONCE, this.#facts.segments);
        const numbers = Array.from({ length: end - first }, (_, i) => first + i);
        await Promise.all(numbers.map((n) => (kind === "peaks" ? this.#peak(n, signal) : this.#picture(n, signal))));
        this.#gathered[kind] = end;
        changed();
      }
    } catch {
      // Asked for again with the next facts.
    } finally {
      this.#busy.delete(kind);
    }
  }

  /** Draw a track's waveform over `length` seconds. */
  drawWaveform(canvas, track, colour, length) {
    const pen = canvas.getContext("2d"), { width, height } = canvas;
    const perPixel = (length / this.#facts.segment_seconds) * this.#facts.peaks_per_segment / width;
    pen.clearRect(0, 0, width, height);
    pen.fillStyle = colour;
    for (let x = 0; x < width; x++) {
      const range = this.#range(track, Math.floor(x * perPixel), Math.max(x * perPixel + 1, (x + 1) * perPixel));
      if (!range) continue;
      const [top, bottom] = [1 - range.high / 127, 1 - range.low / 127].map((y) => (0.04 + 0.46 * y) * height);
      pen.fillRect(x, top, 1, Math.max(1, bottom - top));
    }
  }

  /** Draw a track's spectrogram over `length` seconds. */
  drawSpectrogram(canvas, track, length) {
    const pen = canvas.getContext("2d"), { width, height } = canvas, rows = this.#facts.picture_rows;
    pen.clearRect(0, 0, width, height);
    if (!this.#strip) return;
    const shown = STRIP_WIDTH * length / this.#span; // what lies beyond the strip is not there yet
    const part = Math.min(1, STRIP_WIDTH / shown);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.#strip, 0, track * rows, shown * part, rows, 0, 0, width * part, height);
  }

  async #peak(n, signal) {
    const answer = await fetched(address(this.#token, `/listen/${n}.peaks`), { signal });
    this.#peaks[n] = new Int8Array(await answer.arrayBuffer());
  }

  async #picture(n, signal) {
    const answer = await fetched(address(this.#token, `/listen/${n}.webp`), { signal });
    const picture = await createImageBitmap(await answer.blob());
    const { segment_seconds, seconds } = this.#facts;
    const begin = n * segment_seconds, end = Math.min(begin + segment_seconds, seconds);
    this.#stretch(end);
    // Whole pixels, or a seam would be seen at each join.
    const [left, right] = [begin, end].map((time) => Math.round(STRIP_WIDTH * time / this.#span));
    const pen = this.#strip.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(picture, left, 0, Math.max(1, right - left), this.#strip.height);
    picture.close();
  }

  /** Make the strip reach so far. If nobody knows how long the song is, each time twice as far as before. */
  #stretch(seconds) {
    if (seconds <= this.#span) return;
    const old = this.#strip, oldSpan = this.#span;
    this.#span = Math.max(this.#facts.total ?? 2 * seconds, seconds);
    this.#strip = document.createElement("canvas");
    this.#strip.width = STRIP_WIDTH;
    this.#strip.height = this.#facts.tracks.length * this.#facts.picture_rows;
    const width = STRIP_WIDTH * oldSpan / this.#span;
    if (old) this.#strip.getContext("2d").drawImage(old, 0, 0, width, this.#strip.height);
  }

  /** Lowest and highest value of a track in slices from..to, counted over the whole song; null if none is here. */
  #range(track, from, to) {
    const { peaks_per_segment: inOne, tracks } = this.#facts;
    let low = 127, high = -127, any = false;
    for (let slice = from; slice < to; slice++) {
      const peaks = this.#peaks[Math.floor(slice / inOne)];
      if (!peaks) continue;
      const slices = peaks.length / 2 / tracks.length, i = slice % inOne;
      if (i >= slices) continue;
      any = true;
      low = Math.min(low, peaks[2 * (track * slices + i)]);
      high = Math.max(high, peaks[2 * (track * slices + i) + 1]);
    }
    return any ? { low, high } : null;
  }
}

// ---- What a visitor sees and presses ----

function make(tag, text) {
  return Object.assign(document.createElement(tag), { textContent: text });
}

/** Elements from a piece of HTML of ours; `parts` are those with a data-part, by its name. */
function build(html) {
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  const parts = {};
  for (const part of template.content.querySelectorAll("[data-part]")) parts[part.dataset.part] = part;
  return { root: template.content.firstElementChild, parts };
}

const icon = (name, path) => `<svg class="${name}" viewBox="0 0 24 24" aria-hidden="true"><path d="${path}"/></svg>`;

// Filled shapes, but for "save", which is a line.
const ICON = Object.fromEntries(Object.entries({
  play: "M7 4.6v14.8a1 1 0 0 0 1.5.9l12-7.4a1 1 0 0 0 0-1.8l-12-7.4A1 1 0 0 0 7 4.6z",
  pause: "M6 5v14a1 1 0 0 0 1 1h2.2a1 1 0 0 0 1-1V5a1 1 0 0 0-1-1H7a1 1 0 0 0-1 1z"
    + "M13.8 5v14a1 1 0 0 0 1 1H17a1 1 0 0 0 1-1V5a1 1 0 0 0-1-1h-2.2a1 1 0 0 0-1 1z",
  back: "M5 5h2.4v14H5zM19 6v12a1 1 0 0 1-1.6.8l-8-6a1 1 0 0 1 0-1.6l8-6A1 1 0 0 1 19 6z",
  save: "M12 4v11m0 0-4.5-4.5M12 15l4.5-4.5M5 19.5h14",
}).map(([name, path]) => [name, icon(name, path)]));

let choices = 0;

/** A few options, one of which is chosen: [{ value, text }]. */
function choice(legend, options, chosen, changed) {
  const { root } = build(`<fieldset class="choice"><legend></legend></fieldset>`), name = `stem-player-${choices++}`;
  root.firstElementChild.textContent = legend;
  for (const { value, text } of options) {
    const { root: label } = build(`<label><input type="radio"><span></span></label>`), [input, word] = label.children;
    Object.assign(input, { name, value, checked: value === chosen });
    input.addEventListener("change", () => changed(value));
    word.textContent = text;
    root.append(label);
  }
  return root;
}

/** Without an address a link stays where it is, but leads nowhere. */
function lead(link, href) {
  if (href) {
    link.href = href;
    link.removeAttribute("role");
    link.removeAttribute("aria-disabled");
  } else {
    link.removeAttribute("href");
    link.setAttribute("role", "link");
    link.setAttribute("aria-disabled", "true");
  }
}

/** A track: its name, its controls, and the lane that shows it. */
class Row {
  #balance; #number;

  constructor(number, { name, colour }, balance) {
    const words = name.replaceAll("_", " ");
    [this.#number, this.#balance, this.colour] = [number, balance, colour];
    const { root, parts } = build(`
      <div class="row" role="group">
        <div class="controls">
          <i class="dot"></i>
          <b class="name" data-part="name"></b>
          <button type="button" data-part="solo" aria-pressed="false">Solo</button>
          ${number ? `<button type="button" data-part="mute" aria-pressed="false">Mute</button>` : ""}
          <input type="range" data-part="level" min="${OFF}" max="${LOUDEST}" step="0.5" value="0">
          <span class="value" data-part="value" aria-hidden="true"></span>
          ${number ? `<a class="save" data-part="save" download>${ICON.save}</a>` : ""}
        </div>
        <div class="lane" data-part="lane"><canvas data-part="canvas" aria-hidden="true"></canvas></div>
      </div>`);
    [this.root, this.parts] = [root, parts];
    root.style.setProperty("--track", colour);
    root.setAttribute("aria-label", words);
    parts.name.textContent = words;
    this.#name(words);
    this.#listen();
    this.show();
  }

  /** Show the balance. */
  show() {
    const { level, solo, mute } = this.#balance.tracks[this.#number], { parts } = this;
    parts.solo.setAttribute("aria-pressed", solo);
    parts.mute?.setAttribute("aria-pressed", mute);
    parts.level.value = level;
    parts.level.setAttribute("aria-valuetext", level <= OFF ? "off" : levelText(level));
    parts.level.style.setProperty("--filled", (level - OFF) / (LOUDEST - OFF));
    parts.value.textContent = levelText(level);
    this.root.toggleAttribute("data-silent", this.#balance.heard()[this.#number] === 0);
  }

  #name(words) {
    const { solo, mute, level, save } = this.parts;
    solo.setAttribute("aria-label", `Solo ${words}`);
    solo.title = this.#number ? `Key ${this.#number}` : "Hear the mixture alone, to compare (key 0)";
    mute?.setAttribute("aria-label", `Mute ${words}`);
    if (mute) mute.title = `Shift + ${this.#number}`;
    level.setAttribute("aria-label", `Level of ${words}`);
    level.title = "Double click or Delete: 0 dB";
    if (save) save.title = `Download ${words}`;
    save?.setAttribute("aria-label", `Download ${words}`);
  }

  #listen() {
    const { solo, mute, level } = this.parts, set = (value) => this.#balance.change(this.#number, { level: value });
    solo.addEventListener("click", () => this.#balance.toggle(this.#number, "solo"));
    mute?.addEventListener("click", () => this.#balance.toggle(this.#number, "mute"));
    level.addEventListener("input", () => set(Number(level.value)));
    level.addEventListener("dblclick", () => set(0));
    level.addEventListener("keydown", (event) => ["Delete", "Backspace"].includes(event.key) && set(0));
  }
}

/** The line of time above the lanes; a slider for the keyboard. */
class Ruler {
  #seek; #length = 0; #at = 0;

  constructor(root, seek) {
    [this.root, this.#seek] = [root, seek];
    root.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Mark a length in seconds. */
  mark(length) {
    this.#length = length;
    this.root.setAttribute("aria-valuemax", Math.round(length));
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

/** How far the song is, what went wrong, and what is worth knowing. */
class Report {
  constructor(cancel) {
    const { root, parts } = build(`
      <header>
        <h2 data-part="title"></h2>
        <p class="trouble" data-part="trouble" role="status"></p>
        <p class="message" data-part="message" role="alert"></p>
        <p class="spoken" data-part="spoken" role="status"></p>
        <div class="progress" data-part="progress">
          <p data-part="text"></p>
          <progress data-part="bar" aria-label="Separation"></progress>
          <button type="button" data-part="cancel">Cancel</button>
        </div>
        <ul class="notes" data-part="notes"></ul>
      </header>`);
    [this.root, this.parts] = [root, parts];
    parts.cancel.addEventListener("click", async () => {
      parts.cancel.disabled = true;
      // It may have been too late, or have got lost: the next facts tell.
      await cancel().catch(() => (parts.cancel.disabled = false));
    });
  }

  show(facts) {
    const { parts } = this, { state, title, message, notes } = facts;
    parts.title.textContent = title ?? "";
    parts.message.textContent = state === "deleted" ? "This song has been deleted." : message ?? "";
    parts.spoken.textContent = { separating: "Separating", done: "The stems are ready" }[state] ?? "";
    parts.notes.replaceChildren(...(notes ?? []).map((note) => make("li", note)));
    this.#progress(facts);
  }

  /** What keeps the facts from coming, if anything does. */
  trouble(sentence) {
    this.parts.trouble.textContent = sentence ?? "";
  }

  #progress(facts) {
    const { progress, text, bar } = this.parts, { state, done, total } = facts;
    progress.hidden = FINISHED.includes(state);
    if (progress.hidden) return;
    text.textContent = progressText(facts);
    if (state === "separating" && total) Object.assign(bar, { max: total, value: Math.min(done, total) });
    else bar.removeAttribute("value");
  }
}

/** What can be taken home once the song is done; a row has the link of its stem. */
class Downloads {
  #token; #rows; #format; #facts = null; #levels = [];

  constructor(token, rows, formats) {
    const { root, parts } = build(`
      <div class="downloads">
        <div data-part="format"></div>
        <a data-part="mix" download>${ICON.save}Mix as balanced</a>
        <a data-part="zip" download>${ICON.save}All stems (zip)</a>
        <span class="soft" data-part="expiry"></span>
      </div>`);
    [this.root, this.parts, this.#token, this.#rows, this.#format] = [root, parts, token, rows, formats[0]];
    const options = formats.map((format) => ({ value: format, text: format.toUpperCase() }));
    parts.format.append(choice("Format", options, this.#format, (format) => {
      this.#format = format;
      this.#lead();
    }));
  }

  /** `levels` are the linear gains of the stems. */
  show(facts, levels) {
    [this.#facts, this.#levels] = [facts, levels];
    const done = facts.state === "done";
    this.root.hidden = FINISHED.includes(facts.state) && !done;
    this.parts.expiry.textContent = done ? expiryText(facts.expires) : "";
    this.#lead();
  }

  #lead() {
    const to = (path) => (this.#facts.state === "done" ? address(this.#token, path) : null);
    const levels = this.#levels.map((gain) => Number(gain.toFixed(4)));
    this.#rows.forEach(({ parts }, track) => parts.save && lead(parts.save, to(`/stems/${track}.${this.#format}`)));
    lead(this.parts.mix, to(`/mix.${this.#format}?levels=${levels}`));
    lead(this.parts.zip, to(`/stems.zip?format=${this.#format}`));
  }
}

const INSTRUMENT = `
  <div class="instrument">
    <div class="transport">
      <button type="button" class="back" data-part="back" aria-label="Back to the start">${ICON.back}</button>
      <button type="button" class="play" data-part="play" aria-label="Play">${ICON.play}${ICON.pause}</button>
      <span class="time"><b data-part="now">0:00</b> / <span data-part="length">0:00</span></span>
      <span class="soft" data-part="wait"></span>
      <div class="view" data-part="view"></div>
    </div>
    <div class="timeline" data-part="timeline">
      <div class="ruler" data-part="ruler" role="slider" tabindex="0" aria-label="Position" aria-valuemin="0"></div>
      <div data-part="rows"></div>
    </div>
    <div data-part="downloads"></div>
    <details>
      <summary>Keyboard</summary>
      <p><kbd>Space</kbd> play or pause · <kbd>1</kbd>–<kbd>9</kbd> solo of a stem, <kbd>0</kbd> of the mixture ·
        <kbd>Shift</kbd> + <kbd>1</kbd>–<kbd>9</kbd> mute · on the time line: <kbd>←</kbd> <kbd>→</kbd> 5 seconds,
        <kbd>Page up</kbd> <kbd>Page down</kbd> 30 seconds, <kbd>Home</kbd> <kbd>End</kbd> · on a level:
        <kbd>Delete</kbd> 0 dB</p>
    </details>
  </div>`;

class StemPlayer extends HTMLElement {
  // What the page shows
  #parts = null; #instrument = null; #report = null; #ruler = null; #rows = []; #downloads = null;
  // Of the song
  #token = null; #facts = null; #watch = null; #balance = null; #deck = null; #overview = null;
  // Of the moment
  #view = "waveform"; #dragged = null; #wasPlaying = false; #drawing = null; #following = null; #connection = null;
  #resized = new ResizeObserver(() => this.#redraw());

  constructor() {
    super();
    this.addEventListener("keydown", (event) => this.#key(event));
  }

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
    this.#dragged = null;
    this.#rows = [];
    delete this.dataset.state;
    if (this.#parts) this.#build();
  }

  // A song that nobody waits for holds up the others.
  #pageHidden = () => {
    if (this.#facts && !FINISHED.includes(this.#facts.state)) navigator.sendBeacon(address(this.#token, "/cancel"));
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
    for (const kind of ["down", "move", "up", "cancel"]) {
      parts.timeline.addEventListener(`pointer${kind}`, (event) => this.#drag(kind, event));
    }
  }

  // ---- Facts ----

  #hear(facts, trouble) {
    this.#report.trouble(trouble);
    if (!facts) return;
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
    const seconds = this.#dragged ?? this.#deck?.seconds ?? 0, length = this.#length;
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
    this.#ruler.mark(length);
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

  // ---- Hands ----

  /** A drag shows where it leads; the sound follows when it is let go. A swipe that scrolls the page does nothing. */
  #drag(kind, event) {
    const surface = event.target.closest(".lane, .ruler");
    if (kind === "down" && surface && event.button === 0) {
      surface.setPointerCapture(event.pointerId);
      this.#parts.ruler.focus({ preventScroll: true });
      event.preventDefault(); // keeps the focus there
      this.#dragged = this.#under(event);
    } else if (this.#dragged === null) {
      return;
    } else if (kind === "move") {
      this.#dragged = this.#under(event);
    } else {
      const seconds = this.#dragged;
      this.#dragged = null;
      if (kind === "up") this.#deck?.seek(seconds);
    }
    this.#place();
  }

  #under({ clientX }) {
    const { left, width } = this.#parts.ruler.getBoundingClientRect();
    return Math.min(Math.max(0, (clientX - left) / width), 1) * this.#length;
  }

  #key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || !this.#balance) return;
    const pressed = event.target.matches("button, summary, input:not([type=range])"); // by Space
    const track = Number(/^Digit(\d)$/.exec(event.code)?.[1] ?? NaN); // with Shift, the character is another
    let act = null;
    if (event.key === " " && !pressed) act = () => this.#toggle();
    else if (event.shiftKey && track > 0) act = () => this.#balance.toggle(track, "mute");
    else if (!event.shiftKey && track >= 0) act = () => this.#balance.toggle(track, "solo");
    if (!act || track >= this.#rows.length) return;
    event.preventDefault();
    if (!event.repeat) act();
  }
}

customElements.define("stem-player", StemPlayer);
})();
