import { formatBytes } from "../base/bytes.ts";
import type { StepName } from "../engine/events.ts";
import type { Transfer } from "../base/transfer.ts";
import { cleanLine } from "./clean.ts";

/** `0.4s`, `12.3s`, `3m 05s`, `1h 02m`. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours > 0) return `${hours}h ${String(minutes).padStart(2, "0")}m`;
  return `${minutes}m ${String(whole % 60).padStart(2, "0")}s`;
}

/** `linux/amd64+arm64+arm/v7`: platforms that share a step, the operating system said once. */
export function formatPlatforms(platforms: readonly string[]): string {
  const [shown, more] = [platforms.slice(0, 4), platforms.length - 4];
  const [os = ""] = (shown[0] ?? "").split("/");
  const rest = shown.map((platform, index) =>
    index > 0 && os !== "" && platform.startsWith(`${os}/`) ? platform.slice(os.length + 1) : platform,
  );
  return cleanLine(rest.join("+") + (more > 0 ? `+${more} more` : ""));
}

/** `[linux/amd64 build 3/6] `, or nothing for a step that has no place. */
export function formatPlace(name: StepName): string {
  const place = cleanLine(`${formatPlatforms(name.platforms)} ${name.stage}`);
  return place === "" ? "" : `[${place}] `;
}

/** `[linux/amd64 build 3/6] RUN go mod download`. */
export function formatStep(name: StepName): string {
  return `${formatPlace(name)}${cleanLine(name.text)}`.trimEnd();
}

/** `layer 5be94654c512`; `file` alone where its digest is not known before it is there. */
export function formatTransferred(transfer: Transfer): string {
  const hex = transfer.digest.slice(transfer.digest.indexOf(":") + 1, transfer.digest.indexOf(":") + 13);
  return cleanLine(`${transfer.what} ${hex}`).trimEnd();
}

/** `12.3 MB of 45.0 MB`, or the half that is known. */
export function formatAmount(bytes: number, total: number | undefined): string {
  return total === undefined ? formatBytes(bytes) : `${formatBytes(bytes)} of ${formatBytes(total)}`;
}

/** `1 step`, `4 steps`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
