// Runs after Gradio has inserted <stem-player>; `element`, `props` and `watch` are Gradio's. The value is a token.
const player = element.querySelector("stem-player");
const KEPT = "stem studio";

async function show(token) {
  await customElements.whenDefined("stem-player");
  player.show(token);
}

/** Store a token for the case that this tab is loaded again; browsers may forbid it. */
function keep(token) {
  try {
    if (token) sessionStorage.setItem(KEPT, token);
    return sessionStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

watch("value", async () => {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  // On a phone the player is below the controls, and invisible until it has a status.
  player.addEventListener("stem-player-state", () => player.scrollIntoView({ behavior: calm ? "auto" : "smooth" }), {
    once: true,
  });
  keep(props.value);
  await show(props.value);
});

// A page that is loaded again shows the song of this tab again, if it is not deleted.
// The value is sent with the next song, which replaces it.
const kept = keep();
if (kept) {
  props.value = kept;
  const url = new URL(`songs/${kept}`, document.baseURI);
  fetch(url).then((response) => response.ok && props.value === kept && show(kept));
}
