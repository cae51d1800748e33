/**
 * Text without users and passwords of the URLs in it, as BuildKit writes it: `https://xxxxx:xxxxx@host/`.
 * The user of ssh names an account and no secret.
 */
export function redactUserinfo(text: string): string {
  return text.replaceAll(USERINFO, (whole: string, user: string, password: string | undefined, at: number) => {
    if (password !== undefined) return "://xxxxx:xxxxx@";
    return user === "" || /ssh$/i.test(text.slice(Math.max(0, at - 3), at)) ? whole : "://xxxxx@";
  });
}

/** Begins with what is rare, so that a long text takes a short time. */
const USERINFO = /:\/\/([^\s/?#:@"']*)(:[^\s/?#"']*)?@/g;
