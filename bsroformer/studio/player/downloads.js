import { build, choice, ICON, setLink } from "./elements.js";
import { address } from "./server.js";
import { expiryText, FINISHED } from "./format.js";

/** Downloads of the mix and of all stems; the link of a stem is in its row. */
export class Downloads {
  #token;
  #rows;
  #format;
  #facts = null;
  #levels = [];

  constructor(token, rows, formats) {
    const { root, parts } = build(`
      <div class="downloads">
        <div data-part="format"></div>
        <a data-part="mix" download>${ICON.save}Mix as balanced</a>
        <a data-part="zip" download>${ICON.save}All stems (zip)</a>
        <span class="soft" data-part="expiry"></span>
      </div>`);
    this.root = root;
    this.parts = parts;
    this.#token = token;
    this.#rows = rows;
    this.#format = formats[0];
    const options = formats.map((format) => ({ value: format, text: format.toUpperCase() }));
    parts.format.append(choice("Format", options, this.#format, (format) => {
      this.#format = format;
      this.#updateLinks();
    }));
  }

  /** Show the links; `levels` are the linear gains of the stems. */
  show(facts, levels) {
    this.#facts = facts;
    this.#levels = levels;
    const done = facts.state === "done";
    this.root.hidden = FINISHED.includes(facts.state) && !done;
    this.parts.expiry.textContent = done ? expiryText(facts.expires) : "";
    this.#updateLinks();
  }

  #updateLinks() {
    const url = (path) => (this.#facts.state === "done" ? address(this.#token, path) : null);
    const levels = this.#levels.map((gain) => Number(gain.toFixed(4)));
    this.#rows.forEach(({ parts }, track) => parts.save && setLink(parts.save, url(`/stems/${track}.${this.#format}`)));
    const silent = !levels.some((gain) => gain > 0);
    setLink(this.parts.mix, silent ? null : url(`/mix.${this.#format}?levels=${levels}`));
    setLink(this.parts.zip, url(`/stems.zip?format=${this.#format}`));
  }
}
