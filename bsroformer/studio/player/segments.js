import { address, RETRY_MS, fetched } from "./server.js";

/** A few decoded segments of the audible tracks: an hour of six stems would fill gigabytes. */
export class SegmentCache {
  #token;
  #context;
  #entries = new Map(); // "segment.track" -> { segment, abort, buffer }

  constructor(token, context) {
    this.#token = token;
    this.#context = context;
  }

  /** Fetch segments first..end-1 of these tracks, and drop all other segments. */
  keep(first, end, tracks) {
    for (const [key, entry] of this.#entries) {
      if (entry.segment >= first && entry.segment < end) continue;
      entry.abort.abort();
      this.#entries.delete(key);
    }
    for (let segment = first; segment < end; segment++) {
      for (const track of tracks) if (!this.#entries.has(`${segment}.${track}`)) this.#request(segment, track);
    }
  }

  get(segment, track) {
    return this.#entries.get(`${segment}.${track}`)?.buffer;
  }

  async #request(segment, track) {
    const key = `${segment}.${track}`;
    const entry = { segment, abort: new AbortController(), buffer: null };
    this.#entries.set(key, entry);
    try {
      const response = await fetched(address(this.#token, `/listen/${key}.flac`), { signal: entry.abort.signal });
      entry.buffer = await this.#context.decodeAudioData(await response.arrayBuffer());
    } catch {
      // Fetched again, but later: the server may be busy.
      setTimeout(() => this.#entries.get(key) === entry && this.#entries.delete(key), RETRY_MS);
    }
  }
}
