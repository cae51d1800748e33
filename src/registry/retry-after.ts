/**
 * How many milliseconds a `Retry-After` header asks for: seconds, or a date. A date is compared with the
 * answer's own `Date`, so that our clock may be wrong; `now` stands in where there is none.
 */
export function parseRetryAfter(value: string | undefined, date: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1000;
  const until = parseHttpDate(text);
  if (until === undefined) return undefined;
  return Math.max(0, until - (parseHttpDate(date ?? "") ?? now));
}

/** The form servers must send (RFC 9110, IMF-fixdate); `Date.parse` alone would take nearly anything. */
function parseHttpDate(text: string): number | undefined {
  if (!/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text)) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}
