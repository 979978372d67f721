// Building blocks of the visible parts.

export function make(tag, text) {
  return Object.assign(document.createElement(tag), { textContent: text });
}

/** Create elements from trusted HTML; `parts` are the elements with data-part, by its value. */
export function build(html) {
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  const parts = {};
  for (const part of template.content.querySelectorAll("[data-part]")) parts[part.dataset.part] = part;
  return { root: template.content.firstElementChild, parts };
}

const icon = (name, path) => `<svg class="${name}" viewBox="0 0 24 24" aria-hidden="true"><path d="${path}"/></svg>`;

// Filled shapes; "save" is a line.
export const ICON = Object.fromEntries(Object.entries({
  play: "M7 4.6v14.8a1 1 0 0 0 1.5.9l12-7.4a1 1 0 0 0 0-1.8l-12-7.4A1 1 0 0 0 7 4.6z",
  pause: "M6 5v14a1 1 0 0 0 1 1h2.2a1 1 0 0 0 1-1V5a1 1 0 0 0-1-1H7a1 1 0 0 0-1 1z"
    + "M13.8 5v14a1 1 0 0 0 1 1H17a1 1 0 0 0 1-1V5a1 1 0 0 0-1-1h-2.2a1 1 0 0 0-1 1z",
  back: "M5 5h2.4v14H5zM19 6v12a1 1 0 0 1-1.6.8l-8-6a1 1 0 0 1 0-1.6l8-6A1 1 0 0 1 19 6z",
  save: "M12 4v11m0 0-4.5-4.5M12 15l4.5-4.5M5 19.5h14",
}).map(([name, path]) => [name, icon(name, path)]));

let choices = 0;

/** Create radio buttons for options [{ value, text }]. */
export function choice(legend, options, chosen, changed) {
  const { root } = build(`<fieldset class="choice"><legend></legend></fieldset>`);
  const name = `stem-player-${choices++}`;
  root.firstElementChild.textContent = legend;
  for (const { value, text } of options) {
    const { root: label } = build(`<label><input type="radio"><span></span></label>`);
    const [input, caption] = label.children;
    Object.assign(input, { name, value, checked: value === chosen });
    input.addEventListener("change", () => changed(value));
    caption.textContent = text;
    root.append(label);
  }
  return root;
}

/** Set the address of a link; without one it stays visible, but disabled. */
export function setLink(link, href) {
  if (href) {
    link.href = href;
    link.removeAttribute("role");
    link.removeAttribute("aria-disabled");
  } else {
    link.removeAttribute("href");
    link.setAttribute("role", "link");
    link.setAttribute("aria-disabled", "true");
  }
}
