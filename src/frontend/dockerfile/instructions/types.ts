import type { Healthcheck } from "../../../oci/config.ts";
import type { Heredoc, InstructionNode, Pair, Word } from "../ast.ts";

/** The instructions, read but not expanded: words still hold their variables and quotes. */
export type Instruction =
  | ArgInstruction
  | EnvInstruction
  | LabelInstruction
  | RunInstruction
  | CopyInstruction
  | AddInstruction
  | WorkdirInstruction
  | UserInstruction
  | ExposeInstruction
  | VolumeInstruction
  | StopSignalInstruction
  | CmdInstruction
  | EntrypointInstruction
  | ShellInstruction
  | HealthcheckInstruction
  | MaintainerInstruction
  | OnbuildInstruction;

interface At {
  readonly node: InstructionNode;
}

/** Not among the instructions of a stage: it begins one. */
export interface FromInstruction extends At {
  readonly kind: "from";
  readonly image: Word;
  readonly platform?: Word | undefined;
  /** In lower case: names of stages do not differ by case. */
  readonly name?: string | undefined;
}

export interface ArgInstruction extends At {
  readonly kind: "arg";
  readonly args: readonly { readonly name: Word; readonly value?: Word | undefined }[];
}

export interface EnvInstruction extends At {
  readonly kind: "env";
  readonly pairs: readonly Pair[];
}

export interface LabelInstruction extends At {
  readonly kind: "label";
  readonly pairs: readonly Pair[];
}

export interface RunInstruction extends At {
  readonly kind: "run";
  readonly command: Command;
  readonly heredocs: readonly Heredoc[];
  readonly mounts: readonly Word[];
  readonly network: "default" | "none" | "host";
  readonly security: "sandbox" | "insecure";
  readonly devices: readonly Word[];
}

/** What COPY and ADD have in common. */
interface Transfer extends At {
  readonly sources: readonly Word[];
  /** Sources that stand in the Dockerfile itself. */
  readonly heredocs: readonly Heredoc[];
  readonly destination: Word;
  readonly chown?: Word | undefined;
  readonly chmod?: Word | undefined;
  readonly link: boolean;
  readonly excludes: readonly Word[];
}

export interface CopyInstruction extends Transfer {
  readonly kind: "copy";
  readonly from?: Word | undefined;
  readonly parents: boolean;
}

export interface AddInstruction extends Transfer {
  readonly kind: "add";
  readonly checksum?: Word | undefined;
  readonly keepGitDir?: boolean | undefined;
  readonly unpack?: boolean | undefined;
}

export interface WorkdirInstruction extends At {
  readonly kind: "workdir";
  readonly path: Word;
}

export interface UserInstruction extends At {
  readonly kind: "user";
  readonly user: Word;
}

export interface ExposeInstruction extends At {
  readonly kind: "expose";
  readonly ports: readonly Word[];
}

export interface VolumeInstruction extends At {
  readonly kind: "volume";
  readonly paths: readonly Word[];
}

export interface StopSignalInstruction extends At {
  readonly kind: "stopsignal";
  readonly signal: Word;
}

export interface CmdInstruction extends At {
  readonly kind: "cmd";
  readonly command: Command;
}

export interface EntrypointInstruction extends At {
  readonly kind: "entrypoint";
  readonly command: Command;
}

export interface ShellInstruction extends At {
  readonly kind: "shell";
  readonly shell: readonly string[];
}

export interface HealthcheckInstruction extends At {
  readonly kind: "healthcheck";
  readonly healthcheck: Healthcheck;
}

export interface MaintainerInstruction extends At {
  readonly kind: "maintainer";
  readonly author: string;
}

export interface OnbuildInstruction extends At {
  readonly kind: "onbuild";
  /** The trigger as an image keeps it: an instruction with its heredocs. */
  readonly expression: string;
  readonly trigger: InstructionNode;
}

export type Command =
  /** A JSON array: run as it is. */
  | { readonly form: "exec"; readonly argv: readonly string[] }
  /** Text for the stage's shell. */
  | { readonly form: "shell"; readonly text: string };

export interface Stage {
  /** Counted from 0, as `--from=0` counts. */
  readonly index: number;
  readonly from: FromInstruction;
  readonly instructions: readonly Instruction[];
}
