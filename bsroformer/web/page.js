// Runs where Gradio has put <stem-player>; `element`, `props` and `watch` are Gradio's. The value is a song's token.
const player = element.querySelector("stem-player"), KEPT = "stem studio";

async function show(token) {
  await customElements.whenDefined("stem-player");
  player.show(token);
}

watch("value", async () => {
  sessionStorage.setItem(KEPT, props.value);
  await show(props.value);
  player.scrollIntoView({ block: "nearest" }); // on a phone it is below the controls
});

// A page that is loaded again shows the song that it showed, to this tab alone.
const kept = sessionStorage.getItem(KEPT);
if (kept) show(kept);
