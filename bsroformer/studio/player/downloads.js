import { build, choice, ICON, lead } from "./parts.js";
import { address } from "./server.js";
import { expiryText, FINISHED } from "./words.js";

/** What can be taken home once the song is done; a row has the link of its stem. */
export class Downloads {
  #token; #rows; #format; #facts = null; #levels = [];

  constructor(token, rows, formats) {
    const { root, parts } = build(`
      <div class="downloads">
        <div data-part="format"></div>
        <a data-part="mix" download>${ICON.save}Mix as balanced</a>
        <a data-part="zip" download>${ICON.save}All stems (zip)</a>
        <span class="soft" data-part="expiry"></span>
      </div>`);
    [this.root, this.parts, this.#token, this.#rows, this.#format] = [root, parts, token, rows, formats[0]];
    const options = formats.map((format) => ({ value: format, text: format.toUpperCase() }));
    parts.format.append(choice("Format", options, this.#format, (format) => {
      this.#format = format;
      this.#lead();
    }));
  }

  /** `levels` are the linear gains of the stems. */
  show(facts, levels) {
    [this.#facts, this.#levels] = [facts, levels];
    const done = facts.state === "done";
    this.root.hidden = FINISHED.includes(facts.state) && !done;
    this.parts.expiry.textContent = done ? expiryText(facts.expires) : "";
    this.#lead();
  }

  #lead() {
    const to = (path) => (this.#facts.state === "done" ? address(this.#token, path) : null);
    const levels = this.#levels.map((gain) => Number(gain.toFixed(4)));
    this.#rows.forEach(({ parts }, track) => parts.save && lead(parts.save, to(`/stems/${track}.${this.#format}`)));
    const silent = !levels.some((gain) => gain > 0);
    lead(this.parts.mix, silent ? null : to(`/mix.${this.#format}?levels=${levels}`));
    lead(this.parts.zip, to(`/stems.zip?format=${this.#format}`));
  }
}
