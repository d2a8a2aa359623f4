/** A name that each entry fills in, such as that of a log stream: literal texts and placeholders in turn. */
export type Template = readonly TemplatePart[];

export type TemplatePart =
  | string
  /** The value of the first of these fields that the entry has. */
  | { readonly fields: readonly string[] }
  /** The entry's time in UTC, in the letters of strftime(3): `%Y-%m-%d`. */
  | { readonly date: string };
