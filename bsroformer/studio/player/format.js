// Numbers as text.

export const FINISHED = ["done", "cancelled", "failed", "deleted"];
export const OFF = -40; // dB; silence
export const LOUDEST = 6; // dB

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds + 1e-6));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const rest = whole % 60;
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

export function spoken(seconds) {
  const minutes = Math.floor(seconds / 60);
  const rest = Math.floor(seconds % 60);
  return minutes ? `${counted(minutes, "minute")} ${counted(rest, "second")}` : counted(rest, "second");
}

export const counted = (number, thing) => `${number} ${thing}${number === 1 ? "" : "s"}`;
export const gainOf = (level) => (level <= OFF ? 0 : 10 ** (level / 20));
const signOf = (number) => (number > 0 ? "+" : number < 0 ? "−" : "");
export const levelText = (level) => (level <= OFF ? "−∞" : `${signOf(level)}${Math.abs(level)} dB`);

export function progressText({ state, place, wait, done, total, left, speed }) {
  if (state === "loading") return "Loading the model";
  if (state === "waiting") {
    const songs = place === 1 ? "1 song is" : `${place} songs are`;
    const queued = place ? `${songs} before yours` : "Yours is next";
    return wait === null ? queued : `${queued}; it starts in about ${clock(wait)}`;
  }
  return [
    `Separating ${clock(done)}${total ? ` of ${clock(total)}` : ""}`,
    speed && `${speed.toFixed(1)} × real time`,
    left !== null && `${clock(left)} left`,
  ].filter(Boolean).join(" · ");
}

export function expiryText(seconds) {
  if (seconds < 90) return "Kept for another minute.";
  const minutes = Math.round(seconds / 60);
  const time = minutes < 120 ? counted(minutes, "minute") : counted(Math.round(minutes / 60), "hour");
  return `Kept for another ${time}.`;
}
