// Requests to the server.

import { FINISHED } from "./format.js";

const POLL_MS = 400;
const POLL_WHEN_DONE_MS = 30_000;
export const RETRY_MS = 2_000; // after a failure

export const address = (token, path = "") => new URL(`songs/${token}${path}`, document.baseURI).href;

export async function fetched(url, options) {
  const response = await fetch(url, options);
  if (!response.ok) throw new Error(`${response.status}: ${url}`);
  return response;
}

/** Polls the status of a song: often until it is finished, then rarely, until it is deleted. */
export class StatusPoller {
  #token;
  #receive;
  #polling = null;
  #failures = 0;

  /** Calls `receive(facts, trouble)` with the status, or with null and a sentence if there is none. */
  constructor(token, receive) {
    this.#token = token;
    this.#receive = receive;
  }

  start() {
    if (this.#polling) return;
    this.#polling = new AbortController();
    this.#request(this.#polling.signal);
  }

  stop() {
    this.#polling?.abort();
    this.#polling = null;
  }

  async #request(stopped) {
    const pause = await this.#poll(stopped);
    if (!stopped.aborted && pause !== null) setTimeout(() => stopped.aborted || this.#request(stopped), pause);
  }

  /** Request the status once; returns the ms until the next request, or null for none. */
  async #poll(stopped) {
    const signal = AbortSignal.any([stopped, AbortSignal.timeout(10_000)]);
    let facts;
    try {
      const response = await fetch(address(this.#token), { cache: "no-store", signal });
      if (response.status === 401) {
        this.#receive(null, "You are signed out; load this page again.");
        return null;
      }
      if (!response.ok && response.status !== 404) throw new Error(response.statusText);
      facts = response.ok ? await response.json() : { token: this.#token, state: "deleted" };
    } catch {
      return this.#failed(stopped);
    }
    if (stopped.aborted) return null;
    this.#failures = 0;
    this.#receive(facts, null);
    if (facts.state === "done") return POLL_WHEN_DONE_MS;
    return FINISHED.includes(facts.state) ? null : POLL_MS;
  }

  #failed(stopped) {
    if (stopped.aborted) return null;
    this.#failures += 1;
    if (this.#failures === 1) return POLL_MS; // a single request may get lost
    this.#receive(null, "The server does not respond; retrying …");
    return RETRY_MS;
  }
}
