/** What a request is about, for the people who read its error. */
export interface Subject {
  /** `manifest docker.io/library/busybox:1` */
  readonly what: string;
  /** `docker.io/library/busybox` */
  readonly repository: string;
  /** The host as the user names it. */
  readonly host: string;
  readonly action: "pull" | "push";
}
