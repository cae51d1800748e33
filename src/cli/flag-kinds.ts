/** One value, as it is written. */
export const text = (brief: string, placeholder: string) =>
  ({ kind: "parsed", parse: String, brief, placeholder, optional: true }) as const;

/** Values of a flag that may be repeated. */
export const texts = (brief: string, placeholder: string) =>
  ({ kind: "parsed", parse: String, brief, placeholder, optional: true, variadic: true }) as const;

export const flag = (brief: string) => ({ kind: "boolean", brief, optional: true, withNegated: false }) as const;
