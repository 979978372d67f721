// HTML of the player.

import { ICON } from "./elements.js";

export const LAYOUT = `
  <div class="player">
    <div class="transport">
      <button type="button" class="back" data-part="back" aria-label="Back to the start">${ICON.back}</button>
      <button type="button" class="play" data-part="play" aria-label="Play">${ICON.play}${ICON.pause}</button>
      <span class="time"><b data-part="now">0:00</b> / <span data-part="length">0:00</span></span>
      <span class="soft" data-part="wait"></span>
      <div class="view" data-part="view"></div>
    </div>
    <div class="timeline" data-part="timeline">
      <div class="ruler" data-part="ruler" role="slider" tabindex="0" aria-label="Position" aria-valuemin="0"></div>
      <div data-part="rows"></div>
    </div>
    <div data-part="downloads"></div>
    <details>
      <summary>Keyboard</summary>
      <p><kbd>Space</kbd> play or pause · <kbd>1</kbd>–<kbd>9</kbd> solo of a stem, <kbd>0</kbd> of the mixture ·
        <kbd>Shift</kbd> + <kbd>1</kbd>–<kbd>9</kbd> mute · on the timeline: <kbd>←</kbd> <kbd>→</kbd> 5 seconds,
        <kbd>Page up</kbd> <kbd>Page down</kbd> 30 seconds, <kbd>Home</kbd> <kbd>End</kbd> · on a level:
        <kbd>Delete</kbd> 0 dB</p>
    </details>
  </div>`;
