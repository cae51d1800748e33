/** A path as proc_pid_mountinfo(5) writes it, with blanks and the like as `\040`, as it is. */
export function mountinfoPath(written: string): string {
  return written.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
