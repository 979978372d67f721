import { Sounds } from "./sounds.js";
import { Take } from "./take.js";
import { FINISHED } from "./words.js";

const AHEAD = 3; // segments in memory: the one that plays and those after it

/** Play, pause and jump in a song that may still grow. */
export class Deck {
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
