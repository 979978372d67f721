import { address, fetched } from "./server.js";

const STRIP_WIDTH = 2_000; // px of a song's spectrograms in memory, for any length
const REQUESTS_AT_ONCE = 6; // pictures or waveforms

/** Loads and draws waveforms and spectrograms of all tracks. */
export class Overview {
  #token;
  #facts = null;
  #peaks = [];
  #strip = null;
  #span = 0;
  #loaded = { peaks: 0, webp: 0 };
  #busy = new Set();

  constructor(token) {
    this.#token = token;
  }

  learn(facts) {
    this.#facts = facts;
  }

  /** Fetch all new "peaks" or "webp"; calls `changed()` as they arrive. */
  async load(kind, changed, signal) {
    if (this.#busy.has(kind)) return;
    this.#busy.add(kind);
    try {
      while (this.#loaded[kind] < this.#facts.segments && !signal.aborted) {
        const first = this.#loaded[kind], end = Math.min(first + REQUESTS_AT_ONCE, this.#facts.segments);
        const numbers = Array.from({ length: end - first }, (_, i) => first + i);
        await Promise.all(numbers.map((n) => (kind === "peaks" ? this.#peak(n, signal) : this.#picture(n, signal))));
        this.#loaded[kind] = end;
        changed();
      }
    } catch {
      // Fetched again with the next status.
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
    const shown = STRIP_WIDTH * length / this.#span; // beyond the strip nothing is loaded yet
    const part = Math.min(1, STRIP_WIDTH / shown);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.#strip, 0, track * rows, shown * part, rows, 0, 0, width * part, height);
  }

  async #peak(n, signal) {
    const response = await fetched(address(this.#token, `/listen/${n}.peaks`), { signal });
    this.#peaks[n] = new Int8Array(await response.arrayBuffer());
  }

  async #picture(n, signal) {
    const response = await fetched(address(this.#token, `/listen/${n}.webp`), { signal });
    const picture = await createImageBitmap(await response.blob());
    const { segment_seconds, seconds } = this.#facts;
    const start = n * segment_seconds;
    const end = Math.min(start + segment_seconds, seconds);
    this.#extendTo(end);
    // Whole pixels, or a seam would be visible at each join.
    const [left, right] = [start, end].map((time) => Math.round(STRIP_WIDTH * time / this.#span));
    const pen = this.#strip.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(picture, left, 0, Math.max(1, right - left), this.#strip.height);
    picture.close();
  }

  /** Extend the strip to a time; for a song of unknown length, to twice that time. */
  #extendTo(seconds) {
    if (seconds <= this.#span) return;
    const old = this.#strip, oldSpan = this.#span;
    this.#span = Math.max(this.#facts.total ?? 2 * seconds, seconds);
    this.#strip = document.createElement("canvas");
    this.#strip.width = STRIP_WIDTH;
    this.#strip.height = this.#facts.tracks.length * this.#facts.picture_rows;
    const width = STRIP_WIDTH * oldSpan / this.#span;
    if (old) this.#strip.getContext("2d").drawImage(old, 0, 0, width, this.#strip.height);
  }

  /** Lowest and highest value of a track in slices from..to of the song; null if none is loaded. */
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
