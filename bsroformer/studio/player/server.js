// What the server is asked for.

import { FINISHED } from "./words.js";

const ASK_EVERY = 400, ASK_WHEN_DONE = 30_000; // ms
export const ASK_AGAIN = 2_000; // ms; after a failure

export const address = (token, path = "") => new URL(`songs/${token}${path}`, document.baseURI).href;

export async function fetched(url, options) {
  const answer = await fetch(url, options);
  if (!answer.ok) throw new Error(`${answer.status}: ${url}`);
  return answer;
}

/** Asks how far a song is: often until it is finished, then now and then, since it is deleted some day. */
export class Watch {
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
      if (answer.status === 401) return this.#hear(null, "You are not signed in any more: load this page again."), null;
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
