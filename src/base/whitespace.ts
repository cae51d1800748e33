/** Go's unicode.IsSpace, which decides what BuildKit trims and splits. Unlike JavaScript: U+0085 yes, U+FEFF no. */
export function isSpace(code: number): boolean {
  if (code < 0x80) return code === 0x20 || (code >= 0x09 && code <= 0x0d);
  return (
    code === 0x85 ||
    code === 0xa0 ||
    code === 0x1680 ||
    (code >= 0x2000 && code <= 0x200a) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000
  );
}

/** Go's strings.TrimSpace. */
export function trimSpace(text: string): string {
  return text.slice(leadingSpace(text), text.length - trailingSpace(text));
}

/** How many units of white space `text` starts with. */
export function leadingSpace(text: string): number {
  let count = 0;
  while (count < text.length && isSpace(text.charCodeAt(count))) count++;
  return count;
}

/** How many units of white space `text` ends with; 0 where it is nothing else, as {@link leadingSpace} counts those. */
export function trailingSpace(text: string): number {
  let end = text.length;
  while (end > 0 && isSpace(text.charCodeAt(end - 1))) end--;
  return end === 0 ? 0 : text.length - end;
}
