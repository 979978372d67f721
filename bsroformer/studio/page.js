// Runs where Gradio has put <stem-player>; `element`, `props` and `watch` are Gradio's. The value is a song's token.
const player = element.querySelector("stem-player"), KEPT = "stem studio";

async function show(token) {
  await customElements.whenDefined("stem-player");
  player.show(token);
}

/** Keep a token for when this tab is loaded again; browsers may forbid it. */
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
  // On a phone the player is below the controls, and not to be seen before it has facts.
  player.addEventListener("stem-player-state", () => player.scrollIntoView({ behavior: calm ? "auto" : "smooth" }), {
    once: true,
  });
  keep(props.value);
  await show(props.value);
});

// A page that is loaded again shows the song that it showed, to this tab alone, if that is still there.
// As a value it is sent with the next song, which takes its place.
const kept = keep();
if (kept) {
  props.value = kept;
  fetch(new URL(`songs/${kept}`, document.baseURI)).then((answer) => answer.ok && props.value === kept && show(kept));
}
