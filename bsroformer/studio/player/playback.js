const START_DELAY = 0.1; // s from now to a start
const MARGIN = 0.01; // s; shortest such delay: a context's time may leap by the length of its buffer
const FADE = 0.006; // s; prevents clicks at a start or stop within the music
const SMOOTH = 0.015; // s; time constant of level changes

/**
 * The sound from one start to the next stop. All tracks share one clock: the context's frame at which the song's first
 * frame is heard, or would have been. Start times are whole frames, so that segments join without a gap.
 */
export class PlaybackSession {
  #context;
  #rate;
  #length;
  #output;
  #gains;
  #headroom;
  #origin;
  #sources = new Map();

  constructor(context, { sample_rate, segment_frames, headroom }, frame, levels) {
    this.#context = context;
    this.#rate = sample_rate;
    this.#length = segment_frames;
    this.#headroom = headroom;
    this.from = frame;
    this.next = Math.floor(frame / segment_frames); // the first segment that is not scheduled
    const start = Math.ceil((context.currentTime + START_DELAY) * sample_rate);
    this.#origin = start - frame;
    this.#output = new GainNode(context, { gain: 0 });
    this.#output.gain.setValueAtTime(0, start / sample_rate);
    this.#output.gain.linearRampToValueAtTime(1, start / sample_rate + FADE);
    this.#output.connect(context.destination);
    this.#gains = levels.map((level) => {
      const node = new GainNode(context, { gain: level * headroom });
      node.connect(this.#output);
      return node;
    });
  }

  /** Position in the song. */
  get frame() {
    return Math.max(this.from, Math.round(this.#context.currentTime * this.#rate) - this.#origin);
  }

  levels(levels) {
    const now = this.#context.currentTime;
    levels.forEach((level, track) => this.#gains[track].gain.setTargetAtTime(level * this.#headroom, now, SMOOTH));
  }

  /** Schedule a segment of a track; the part whose time has passed is skipped. */
  add(segment, track, buffer, level) {
    const key = `${segment}.${track}`;
    if (this.#sources.has(key)) return;
    const first = segment * this.#length;
    const start = this.#origin + first;
    const soonest = Math.ceil((this.#context.currentTime + MARGIN) * this.#rate);
    const skipped = Math.max(0, this.from - first);
    const late = Math.max(skipped, soonest - start);
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
    const now = this.#context.currentTime;
    const { gain } = this.#output;
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
