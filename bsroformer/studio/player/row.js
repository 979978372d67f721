import { build, ICON } from "./elements.js";
import { levelText, LOUDEST, OFF } from "./format.js";

/** The row of a track: name, controls and lane. */
export class Row {
  #balance;
  #number;

  constructor(number, { name, colour }, balance) {
    const title = name.replaceAll("_", " ");
    this.#number = number;
    this.#balance = balance;
    this.colour = colour;
    const { root, parts } = build(`
      <div class="row" role="group">
        <div class="controls">
          <i class="dot"></i>
          <b class="name" data-part="name"></b>
          <button type="button" data-part="solo" aria-pressed="false">Solo</button>
          ${number ? `<button type="button" data-part="mute" aria-pressed="false">Mute</button>` : ""}
          <input type="range" data-part="level" min="${OFF}" max="${LOUDEST}" step="0.5" value="0">
          <span class="value" data-part="value" aria-hidden="true"></span>
          ${number ? `<a class="save" data-part="save" download>${ICON.save}</a>` : ""}
        </div>
        <div class="lane" data-part="lane"><canvas data-part="canvas" aria-hidden="true"></canvas></div>
      </div>`);
    this.root = root;
    this.parts = parts;
    root.style.setProperty("--track", colour);
    root.setAttribute("aria-label", title);
    parts.name.textContent = title;
    this.#setLabels(title);
    this.#listen();
    this.show();
  }

  /** Show the balance. */
  show() {
    const { level, solo, mute } = this.#balance.tracks[this.#number];
    const { parts } = this;
    parts.solo.setAttribute("aria-pressed", solo);
    parts.mute?.setAttribute("aria-pressed", mute);
    parts.level.value = level;
    parts.level.setAttribute("aria-valuetext", level <= OFF ? "off" : levelText(level));
    parts.level.style.setProperty("--filled", (level - OFF) / (LOUDEST - OFF));
    parts.value.textContent = levelText(level);
    this.root.toggleAttribute("data-silent", this.#balance.heard()[this.#number] === 0);
  }

  #setLabels(title) {
    const { solo, mute, level, save } = this.parts;
    solo.setAttribute("aria-label", `Solo ${title}`);
    solo.title = this.#number ? `Key ${this.#number}` : "Hear the mixture alone, to compare (key 0)";
    mute?.setAttribute("aria-label", `Mute ${title}`);
    if (mute) mute.title = `Shift + ${this.#number}`;
    level.setAttribute("aria-label", `Level of ${title}`);
    level.title = "Double click or Delete: 0 dB";
    if (save) save.title = `Download ${title}`;
    save?.setAttribute("aria-label", `Download ${title}`);
  }

  #listen() {
    const { solo, mute, level } = this.parts;
    const set = (value) => this.#balance.change(this.#number, { level: value });
    solo.addEventListener("click", () => this.#balance.toggle(this.#number, "solo"));
    mute?.addEventListener("click", () => this.#balance.toggle(this.#number, "mute"));
    level.addEventListener("input", () => set(Number(level.value)));
    level.addEventListener("dblclick", () => set(0));
    level.addEventListener("keydown", (event) => ["Delete", "Backspace"].includes(event.key) && set(0));
  }
}
