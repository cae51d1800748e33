/** A blob or manifest on its way between a registry and here: told by whoever moves it. */
export interface Transfer {
  readonly kind: "transfer";
  readonly direction: "pull" | "push";
  /** `layer`, `config`, `manifest linux/arm64`, `index`, `tag latest`. */
  readonly what: string;
  /** `localhost:5000/demo/web`. */
  readonly repository: string;
  readonly digest: string;
  /** Bytes in all, where known. */
  readonly total: number | undefined;
  readonly state: TransferState;
}

export type TransferState =
  | { readonly kind: "started" }
  | { readonly kind: "progress"; readonly bytes: number }
  | { readonly kind: "done"; readonly milliseconds: number }
  /** Nothing was sent: it is there already, was mounted from another repository, or is here already. */
  | { readonly kind: "skipped"; readonly reason: "exists" | "mounted" | "present" };

export type OnTransfer = (transfer: Transfer) => void;
