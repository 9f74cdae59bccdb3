// What differs between two texts, line by line: "- " was, "+ " is, "  " stays.

/** Lines that stay are shown around a difference; the rest of them is one line. */
const AROUND = 3;
/** So many cells of the table are filled at the most; what is larger counts as changed whole. */
const MOST_CELLS = 4_000_000;

export function difference(before: string, after: string): string[] {
  if (before === after) return [];
  return shortened(compared(before.split("\n"), after.split("\n")));
}

function compared(a: readonly string[], b: readonly string[]): string[] {
  let top = 0;
  while (top < a.length && top < b.length && a[top] === b[top]) top++;
  let [endA, endB] = [a.length, b.length];
  while (endA > top && endB > top && a[endA - 1] === b[endB - 1]) [endA, endB] = [endA - 1, endB - 1];
  const middle = longestCommon(a.slice(top, endA), b.slice(top, endB));
  const same = (line: string) => `  ${line}`;
  return [...a.slice(0, top).map(same), ...middle, ...a.slice(endA).map(same)];
}

/** By the longest sequence of lines that both have. */
function longestCommon(a: readonly string[], b: readonly string[]): string[] {
  const [removed, added] = [a.map((line) => `- ${line}`), b.map((line) => `+ ${line}`)];
  const width = b.length + 1;
  if ((a.length + 1) * width > MOST_CELLS) return [...removed, ...added];
  const length = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      length[i * width + j] =
        a[i] === b[j] ? length[(i + 1) * width + j + 1]! + 1 : Math.max(length[(i + 1) * width + j]!, length[i * width + j + 1]!);
    }
  }
  const found: string[] = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      found.push(`  ${a[i]}`);
      [i, j] = [i + 1, j + 1];
    } else if (length[(i + 1) * width + j]! >= length[i * width + j + 1]!) found.push(removed[i++]!);
    else found.push(added[j++]!);
  }
  return [...found, ...removed.slice(i), ...added.slice(j)];
}

function shortened(lines: readonly string[]): string[] {
  const isNear = new Uint8Array(lines.length);
  for (const [i, line] of lines.entries()) {
    if (!line.startsWith("  ")) isNear.fill(1, Math.max(0, i - AROUND), i + AROUND + 1);
  }
  const found: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    if (isNear[i]) found.push(lines[i]!);
    else if (i === 0 || isNear[i - 1]) found.push("  …");
  }
  return found;
}
