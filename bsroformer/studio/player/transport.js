import { SegmentCache } from "./segments.js";
import { PlaybackSession } from "./playback.js";
import { FINISHED } from "./format.js";

const SEGMENTS_IN_MEMORY = 3; // the one that plays and the next ones

/** Plays, pauses and seeks in a song that may still grow. */
export class Transport {
  #token;
  #balance;
  #changed;
  #facts = null;
  #context = null;
  #segments = null;
  #session = null;
  #position = 0;
  #timer = null;
  playing = false;

  /** Calls `changed()` when it starts or stops, and when it starts or stops waiting. */
  constructor(token, balance, changed) {
    this.#token = token;
    this.#balance = balance;
    this.#changed = changed;
  }

  /** Take the new status of a song that can be heard. */
  learn(facts) {
    const segment_frames = Math.round(facts.segment_seconds * facts.sample_rate);
    this.#facts = { ...facts, segment_frames, ready: Math.round(facts.seconds * facts.sample_rate) };
  }

  get seconds() {
    return this.#facts ? this.#frame / this.#facts.sample_rate : 0;
  }

  get waiting() {
    return this.playing && !this.#session;
  }

  play() {
    if (!this.#facts || this.playing) return;
    this.#context ??= new AudioContext({ sampleRate: this.#facts.sample_rate });
    this.#segments ??= new SegmentCache(this.#token, this.#context);
    this.#context.resume(); // browsers keep it silent until the visitor presses something
    if (this.#atEnd()) this.#position = 0;
    this.playing = true;
    this.#timer = setInterval(() => this.#update(), 50);
    this.#update();
    this.#changed();
  }

  pause() {
    if (!this.playing) return;
    this.#stopAt(this.#frame);
    this.playing = false;
    clearInterval(this.#timer);
    // A running context keeps the sound card awake.
    setTimeout(() => this.playing || this.#context?.suspend(), 300);
    this.#changed();
  }

  seek(seconds) {
    if (!this.#facts) return;
    this.#stopAt(Math.max(0, Math.round(seconds * this.#facts.sample_rate)));
    this.#update();
    this.#changed();
  }

  /** Apply a change of the balance. */
  rebalance() {
    this.#session?.levels(this.#balance.heard());
    this.#update();
  }

  close() {
    this.pause();
    this.#context?.close();
    this.#context = this.#segments = this.#facts = null;
  }

  get #frame() {
    return this.#session ? Math.min(this.#session.frame, this.#end) : this.#position;
  }

  /** End of the scheduled sound, in frames. */
  get #end() {
    return Math.min(this.#session.next * this.#facts.segment_frames, this.#facts.ready);
  }

  #atEnd() {
    return FINISHED.includes(this.#facts.state) && this.#frame >= this.#facts.ready;
  }

  #stopAt(frame) {
    this.#session?.stop();
    this.#session = null;
    this.#position = frame;
  }

  /** Fetch and schedule segments; called at short intervals while it plays. */
  #update() {
    if (!this.playing) return;
    if (this.#session && this.#frame === this.#end) {
      this.#stopAt(this.#end);
      this.#changed();
    }
    if (this.#atEnd()) return this.pause();
    const { segments, segment_frames } = this.#facts;
    const current = Math.floor(this.#frame / segment_frames);
    const end = Math.min(current + SEGMENTS_IN_MEMORY, segments);
    this.#segments.keep(current, end, this.#balance.audible());
    const starts = !this.#session && current < end && this.#has(current);
    if (starts) this.#session = new PlaybackSession(this.#context, this.#facts, this.#frame, this.#balance.heard());
    if (this.#session) this.#schedule(current, end);
    if (starts) this.#changed();
  }

  /** Schedule segments with all audible tracks together; a track that becomes audible later joins them. */
  #schedule(current, end) {
    while (this.#session.next < end && this.#has(this.#session.next)) this.#session.next += 1;
    const levels = this.#balance.heard();
    for (let segment = current; segment < this.#session.next; segment++) {
      for (const track of this.#balance.audible()) {
        const buffer = this.#segments.get(segment, track);
        if (buffer) this.#session.add(segment, track, buffer, levels[track]);
      }
    }
  }

  #has(segment) {
    return this.#balance.audible().every((track) => this.#segments.get(segment, track));
  }
}
