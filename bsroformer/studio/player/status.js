import { build, make } from "./elements.js";
import { FINISHED, progressText } from "./format.js";

/** Shows how far a song is, errors and notes. */
export class StatusPanel {
  constructor(cancel) {
    const { root, parts } = build(`
      <header>
        <h2 data-part="title" tabindex="-1"></h2>
        <p class="trouble" data-part="trouble" role="status"></p>
        <p class="message" data-part="message" role="alert"></p>
        <p class="spoken" data-part="spoken" role="status"></p>
        <div class="progress" data-part="progress">
          <p data-part="text"></p>
          <progress data-part="bar" aria-label="Separation"></progress>
          <button type="button" data-part="cancel">Cancel</button>
        </div>
        <ul class="notes" data-part="notes"></ul>
      </header>`);
    this.root = root;
    this.parts = parts;
    parts.cancel.addEventListener("click", async () => {
      parts.cancel.disabled = true;
      // Too late or lost? The next status shows.
      await cancel().catch(() => (parts.cancel.disabled = false));
      if (parts.cancel.disabled) parts.title.focus(); // the button disappears, and keys must still work
    });
  }

  show(facts) {
    const { parts } = this, { state, title, message, notes } = facts;
    parts.title.textContent = title ?? "";
    parts.message.textContent = state === "deleted" ? "This song has been deleted." : message ?? "";
    parts.spoken.textContent = { separating: "Separating", done: "The stems are ready" }[state] ?? "";
    parts.notes.replaceChildren(...(notes ?? []).map((note) => make("li", note)));
    this.#progress(facts);
  }

  /** Show why no status arrives; null: it does. */
  trouble(sentence) {
    this.parts.trouble.textContent = sentence ?? "";
  }

  #progress(facts) {
    const { progress, text, bar } = this.parts, { state, done, total } = facts;
    progress.hidden = FINISHED.includes(state);
    if (progress.hidden) return;
    text.textContent = progressText(facts);
    if (state === "separating" && total) Object.assign(bar, { max: total, value: Math.min(done, total) });
    else bar.removeAttribute("value");
  }
}
