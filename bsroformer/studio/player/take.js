// s; so far in the future a start is planned, and never less. A context's time may leap by the length of its buffer.
const LEAD = 0.1, MARGIN = 0.01;
const FADE = 0.006; // s; no click where sound starts or stops in the middle of the music
const SMOOTH = 0.015; // s; time constant of level changes

/**
 * The sound from one start to the next stop. All tracks hang on one clock: the context's frame at which the song's
 * first frame sounds, or would have. Start times are whole frames, so that segments join as they were cut.
 */
export class Take {
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
