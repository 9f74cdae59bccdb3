// What Markdown has in a line: emphasis, code, links and breaks. See `markdown` for what it promises.

export type Inline =
  | { kind: "text"; text: string }
  | { kind: "code"; text: string }
  | { kind: "break" }
  | { kind: "strong" | "em" | "del"; parts: Inline[] }
  | { kind: "link"; href: string; parts: Inline[] };

/** Marks of emphasis that are open at once. */
const MOST_OPEN = 12;
const MOST_ADDRESS = 2000;

type Emphasis = "strong" | "em" | "del";

interface Open {
  mark: string;
  parts: Inline[];
}

const EMPHASIS: Record<string, Emphasis> = { "*": "em", _: "em", "**": "strong", __: "strong", "~~": "del" };
const ESCAPED = /[!-/:-@[-`{-~]/;
const BARE = /https?:\/\/[^\s<>"'`|\\^{}[\]]+/giy;

/** The parts of a text without blocks. */
export function inline(text: string, inLink = false): Inline[] {
  return new Line(text, inLink).parts();
}

class Line {
  private readonly open: Open[] = [{ mark: "", parts: [] }];
  private readonly brackets: Map<number, number>;
  private readonly ticks = new Map<number, number[]>();
  private plain = "";

  constructor(
    private readonly text: string,
    private readonly inLink: boolean,
  ) {
    this.brackets = inLink ? new Map() : matching(text);
    for (const run of text.matchAll(/`+/g)) {
      const places = this.ticks.get(run[0].length) ?? [];
      places.push(run.index);
      this.ticks.set(run[0].length, places);
    }
  }

  parts(): Inline[] {
    for (let at = 0; at < this.text.length; ) at += this.take(at);
    while (this.open.length > 1) this.giveUp();
    this.flush();
    return this.open[0]!.parts;
  }

  /** Take what is at a place; how many characters it is. */
  private take(at: number): number {
    const sign = this.text[at]!;
    switch (sign) {
      case "\\":
        return this.escaped(at);
      case "`":
        return this.code(at);
      case "\n": {
        const isHard = this.plain.endsWith("  ");
        this.plain = this.plain.trimEnd();
        if (isHard) this.add({ kind: "break" });
        else this.plain += "\n";
        return 1;
      }
      case "*":
      case "_":
      case "~":
        return this.emphasis(at, sign);
      case "!":
      case "[":
        return this.link(at);
      case "h":
      case "H":
        return this.bare(at);
    }
    this.plain += sign;
    return 1;
  }

  private escaped(at: number): number {
    const next = this.text[at + 1] ?? "";
    if (next === "\n") this.add({ kind: "break" });
    else if (ESCAPED.test(next)) this.plain += next;
    else {
      this.plain += "\\";
      return 1;
    }
    return 2;
  }

  private code(at: number): number {
    const length = this.run(at, "`");
    const places = this.ticks.get(length)!;
    while (places.length && places[0]! <= at) places.shift();
    const end = places[0];
    if (end === undefined) {
      this.plain += "`".repeat(length);
      return length;
    }
    const inner = this.text.slice(at + length, end).replaceAll("\n", " ");
    const padded = inner.length > 2 && inner.startsWith(" ") && inner.endsWith(" ") && inner.trim();
    this.add({ kind: "code", text: padded ? inner.slice(1, -1) : inner });
    return end + length - at;
  }

  private emphasis(at: number, sign: string): number {
    const length = this.run(at, sign);
    const before = this.text[at - 1] ?? " ";
    const after = this.text[at + length] ?? " ";
    const inWord = sign === "_" && /\w/.test(before) && /\w/.test(after);
    const opens = !/\s/.test(after) && !(sign === "_" && /\w/.test(before));
    const closes = !/\s/.test(before) && !(sign === "_" && /\w/.test(after));
    const marks = length === 3 && sign !== "~" ? [sign.repeat(2), sign] : [sign.repeat(length)];
    if (inWord || marks.some((mark) => !EMPHASIS[mark])) {
      this.plain += sign.repeat(length);
      return length;
    }
    if (closes && marks.every((mark) => this.open.some((open) => open.mark === mark))) {
      const inOrder = marks.length > 1 && this.open.at(-1)!.mark === marks[1] ? [...marks].reverse() : marks;
      for (const mark of inOrder) this.close(mark);
    } else if (opens && this.open.length + marks.length <= MOST_OPEN) {
      for (const mark of marks) {
        this.flush();
        this.open.push({ mark, parts: [] });
      }
    } else this.plain += sign.repeat(length);
    return length;
  }

  private close(mark: string): void {
    if (!this.open.some((open) => open.mark === mark)) {
      this.plain += mark;
      return;
    }
    while (this.open.at(-1)!.mark !== mark) this.giveUp();
    this.flush();
    const { parts } = this.open.pop()!;
    this.open.at(-1)!.parts.push({ kind: EMPHASIS[mark]!, parts });
  }

  /** The mark that was opened last closes nowhere: it is text. */
  private giveUp(): void {
    this.flush();
    const { mark, parts } = this.open.pop()!;
    this.open.at(-1)!.parts.push({ kind: "text", text: mark }, ...parts);
  }

  private link(at: number): number {
    const isImage = this.text[at] === "!";
    const from = isImage ? at + 1 : at;
    const end = this.brackets.get(from);
    const closed = end !== undefined && this.text[end + 1] === "(" ? addressEnd(this.text, end + 1) : -1;
    if (end === undefined || closed < 0) {
      this.plain += this.text[at]!;
      return 1;
    }
    const label = this.text.slice(from + 1, end);
    const href = safeAddress(this.text.slice(end + 2, closed));
    const parts = inline(label || href, true);
    if (href) this.add({ kind: "link", href, parts });
    else for (const part of parts) this.add(part);
    return closed + 1 - at;
  }

  private bare(at: number): number {
    BARE.lastIndex = at;
    const found = this.inLink || /\w/.test(this.text[at - 1] ?? "") ? null : BARE.exec(this.text);
    const address = found?.[0].replace(/[).,:;!?*_~]+$/, "") ?? "";
    const href = safeAddress(address);
    if (!href) {
      this.plain += this.text[at]!;
      return 1;
    }
    this.add({ kind: "link", href, parts: [{ kind: "text", text: address }] });
    return address.length;
  }

  private run(at: number, sign: string): number {
    let end = at;
    while (this.text[end] === sign) end++;
    return end - at;
  }

  private add(part: Inline): void {
    this.flush();
    this.open.at(-1)!.parts.push(part);
  }

  private flush(): void {
    if (this.plain) this.open.at(-1)!.parts.push({ kind: "text", text: this.plain });
    this.plain = "";
  }
}

/** Of every "[" the place of its "]". */
function matching(text: string): Map<number, number> {
  const found = new Map<number, number>();
  const open: number[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "[") open.push(at);
    else if (text[at] === "]" && open.length) found.set(open.pop()!, at);
  }
  return found;
}

function addressEnd(text: string, at: number): number {
  let depth = 0;
  const until = Math.min(text.length, at + MOST_ADDRESS);
  for (let end = at; end < until && text[end] !== "\n"; end++) {
    if (text[end] === "(") depth++;
    else if (text[end] === ")" && --depth === 0) return end;
  }
  return -1;
}

/** An address of the web, or "" for any other: no javascript, no data, nothing of this page. */
export function safeAddress(words: string): string {
  const address = words.trim().replace(/\s+(?:"[^"]*"|'[^']*')$/, "").replace(/^<(.*)>$/, "$1");
  if (!/^https?:\/\//i.test(address) || /\s/.test(address)) return "";
  try {
    const { protocol, href } = new URL(address);
    return protocol === "http:" || protocol === "https:" ? href : "";
  } catch {
    return "";
  }
}
