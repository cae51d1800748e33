const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Go's time.ParseDuration (`1m30s`) in nanoseconds, or undefined where the text is none. */
export function parseDuration(text: string): number | undefined {
  const match = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+|0)$/.exec(text);
  if (match === null) return undefined;
  let sum = 0;
  for (const [, amount = "", unit = ""] of match[2]!.matchAll(/([\d.]+)([^\d.]+)/g))
    sum += Number(amount) * UNITS[unit]!;
  const whole = Math.round(sum);
  return Number.isSafeInteger(whole) ? (match[1] === "-" ? -whole : whole) : undefined;
}

/** Go's Duration.String: `1m30s`, `1.5s`, `0s`. */
export function formatDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return "0s";
  for (const unit of ["ns", "µs", "ms"]) {
    if (nanoseconds < UNITS[unit]! * 1000) return `${nanoseconds / UNITS[unit]!}${unit}`;
  }
  const hours = Math.floor(nanoseconds / UNITS["h"]!);
  const minutes = Math.floor((nanoseconds % UNITS["h"]!) / UNITS["m"]!);
  const seconds = (nanoseconds % UNITS["m"]!) / 1e9;
  return `${hours > 0 ? `${hours}h` : ""}${hours > 0 || minutes > 0 ? `${minutes}m` : ""}${seconds}s`;
}
