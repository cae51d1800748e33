/** Query parameters that name an object and carry no secret; the values of all others are hidden. */
const HARMLESS = new Set(["ns", "digest", "mount", "from", "service", "scope", "n", "last"]);

/**
 * A URL as it may be shown: without user and password, and without the values of query parameters that
 * may be credentials (signed storage URLs, upload states).
 */
export function redactUrl(url: URL): string {
  const copy = new URL(url);
  if (copy.username !== "" || copy.password !== "") {
    copy.username = "redacted";
    copy.password = "";
  }
  for (const name of new Set(copy.searchParams.keys())) {
    if (!HARMLESS.has(name)) copy.searchParams.set(name, "redacted");
  }
  copy.hash = "";
  return copy.href;
}

/** Text that came from a server, safe for a terminal: one line, no control characters, bounded. */
export function printable(text: string, limit = 300): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").trim();
  return line.length > limit ? `${line.slice(0, limit)}…` : line;
}
