import { AppError } from "../../../base/errors.ts";

export function syntaxError(scan: { readonly word: string }, reason: string): AppError {
  return new AppError("DOCKERFILE_EXPANSION", `${quoteShort(scan.word)} cannot be expanded: ${reason}`, {
    hint: "Close what is open, or write \\$, \\' or \\\" for a character that is meant as it stands.",
  });
}

export function unsupportedModifier(scan: { readonly word: string }, modifier: string): AppError {
  return new AppError(
    "DOCKERFILE_EXPANSION",
    `${quoteShort(scan.word)} cannot be expanded: unsupported modifier ${JSON.stringify(modifier)}`,
    {
      hint: "Supported are ${v}, ${v:-w} ${v-w} ${v:+w} ${v+w} ${v:?w} ${v?w} ${v#p} ${v##p} ${v%p} ${v%%p} ${v/p/w} ${v//p/w}.",
    },
  );
}

export function requiredVariable(name: string, word: string, defaultText: string): AppError {
  return new AppError("DOCKERFILE_VARIABLE_REQUIRED", `${name}: ${word === "" ? defaultText : word}`, {
    hint: `Give it a value: --build-arg ${name}=VALUE for an ARG of the Dockerfile, or ENV ${name}=VALUE.`,
  });
}

function quoteShort(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
