/** Class names that apply, in one string: `classes("tab", chosen && "chosen")`. */
export function classes(...names: (string | false | null | undefined)[]): string {
  return names.filter(Boolean).join(" ");
}
