import { gainOf } from "./format.js";

/** Level, solo and mute of each track, as on a mixing desk: mute takes precedence over solo. */
export class Balance {
  #changed;

  constructor(count, changed) {
    this.tracks = Array.from({ length: count }, () => ({ level: 0, solo: false, mute: false }));
    this.#changed = changed;
  }

  change(track, values) {
    Object.assign(this.tracks[track], values);
    if (track > 0 && values.solo) this.tracks[0].solo = false; // which would cover the stem
    this.#changed();
  }

  toggle(track, what) {
    this.change(track, { [what]: !this.tracks[track][what] });
  }

  /** Linear gains of the stems 1..n, for a download of the mix. */
  mix() {
    const stems = this.tracks.slice(1);
    const anySolo = stems.some((stem) => stem.solo);
    return stems.map((stem) => (stem.mute || (anySolo && !stem.solo) ? 0 : gainOf(stem.level)));
  }

  /** Linear gains of all tracks, 0..n. The mixture, which is the sum of the stems, is heard alone or not at all. */
  heard() {
    const [mixture] = this.tracks;
    const mix = this.mix();
    return mixture.solo ? [gainOf(mixture.level), ...mix.fill(0)] : [0, ...mix];
  }

  /** Numbers of the audible tracks. */
  audible() {
    return this.heard().flatMap((gain, track) => (gain > 0 ? [track] : []));
  }
}
