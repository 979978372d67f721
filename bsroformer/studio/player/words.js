// Words and numbers.

export const FINISHED = ["done", "cancelled", "failed", "deleted"];
export const OFF = -40, LOUDEST = 6; // dB; at OFF a track is silent

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds + 1e-6));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

export function spoken(seconds) {
  const [minutes, rest] = [Math.floor(seconds / 60), Math.floor(seconds % 60)];
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
    const before = place ? `${songs} before yours` : "Yours is next";
    return wait === null ? before : `${before}; about ${clock(wait)} until it begins`;
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
  return `Kept for another ${minutes < 120 ? counted(minutes, "minute") : counted(Math.round(minutes / 60), "hour")}.`;
}
