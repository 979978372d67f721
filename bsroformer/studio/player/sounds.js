import { address, ASK_AGAIN, fetched } from "./server.js";

/** Decoded segments of the tracks that sound, no more than a few: an hour of six stems would fill gigabytes. */
export class Sounds {
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
