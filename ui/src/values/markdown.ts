// Markdown as a tree: headings, lists, quotes, code, tables, emphasis, links. What it reads is hostile: HTML is text, a
// link leads to http(s) or nowhere, and every text is read in a time that grows with its length.

export type Inline =
  | { kind: "text"; text: string }
  | { kind: "code"; text: string }
  | { kind: "break" }
  | { kind: "strong" | "em" | "del"; parts: Inline[] }
  | { kind: "link"; href: string; parts: Inline[] };

export type Align = "left" | "right" | "center" | "";

export type Block =
  | { kind: "heading"; level: number; parts: Inline[] }
  | { kind: "paragraph"; parts: Inline[] }
  | { kind: "code"; language: string; text: string }
  | { kind: "quote"; blocks: Block[] }
  | { kind: "list"; ordered: boolean; start: number; items: Block[][] }
  | { kind: "table"; align: Align[]; head: Inline[][]; rows: Inline[][][] }
  | { kind: "rule" };

/** Quotes and lists in one another; what lies deeper is a paragraph. */
const DEEPEST = 8;
/** Marks of emphasis that are open at once. */
const MOST_OPEN = 12;
const MOST_ADDRESS = 2000;

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^`\s]*)[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})(?:[ \t]+|$)(.*)$/;
const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])([ \t]+|$)/;
const QUOTE = /^ {0,3}> ?/;
const DIVIDER = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;

export function parse(text: string): Block[] {
  return blocksOf(text.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").split("\n"), 0);
}

function blocksOf(lines: readonly string[], depth: number): Block[] {
  const blocks: Block[] = [];
  let words: string[] = [];
  const endParagraph = () => {
    if (words.length) blocks.push({ kind: "paragraph", parts: inline(words.join("\n")) });
    words = [];
  };
  for (let at = 0; at < lines.length; ) {
    const line = lines[at]!;
    const taken = blank(line) ? 1 : blockAt(lines, at, depth, words.length > 0, (block) => (endParagraph(), blocks.push(block)));
    if (blank(line)) endParagraph();
    else if (taken === 0) words.push(line.trimStart());
    at += taken || 1;
  }
  endParagraph();
  return blocks;
}

/** Take the block that begins at a line, if it is one of its own; the lines that it took. */
function blockAt(lines: readonly string[], at: number, depth: number, inParagraph: boolean, found: (block: Block) => void): number {
  const line = lines[at]!;
  const fence = FENCE.exec(line);
  if (fence) return codeAt(lines, at, fence[1]!, fence[2]!, found);
  const heading = HEADING.exec(line);
  if (heading) {
    found({ kind: "heading", level: heading[1]!.length, parts: inline(heading[2]!.trimEnd().replace(/(?:^|[ \t])#+$/, "")) });
    return 1;
  }
  if (RULE.test(line)) {
    found({ kind: "rule" });
    return 1;
  }
  if (depth < DEEPEST && QUOTE.test(line)) return quoteAt(lines, at, depth, found);
  if (depth < DEEPEST && startsItem(line, inParagraph)) return listAt(lines, at, depth, found);
  if (!inParagraph && line.startsWith("    ")) return indentedAt(lines, at, found);
  return line.includes("|") ? tableAt(lines, at, found) : 0;
}

/** A numbered item that does not begin with 1 breaks no paragraph: a line may begin with a year. */
function startsItem(line: string, inParagraph: boolean): boolean {
  const item = ITEM.exec(line);
  if (!item) return false;
  return !inParagraph || (item[3] !== "" && (!/\d/.test(item[2]!) || parseInt(item[2]!, 10) === 1));
}

function codeAt(lines: readonly string[], at: number, fence: string, language: string, found: (block: Block) => void): number {
  const body: string[] = [];
  let end = at + 1;
  for (; end < lines.length; end++) {
    const line = lines[end]!.trim();
    if (line.length >= fence.length && line === fence[0]!.repeat(line.length)) break;
    body.push(lines[end]!);
  }
  found({ kind: "code", language, text: body.join("\n") });
  return Math.min(end + 1, lines.length) - at;
}

function indentedAt(lines: readonly string[], at: number, found: (block: Block) => void): number {
  let end = at;
  while (end < lines.length && (lines[end]!.startsWith("    ") || blank(lines[end]!))) end++;
  while (blank(lines[end - 1]!)) end--;
  const text = lines.slice(at, end).map((line) => line.slice(4));
  found({ kind: "code", language: "", text: text.join("\n") });
  return end - at;
}

function quoteAt(lines: readonly string[], at: number, depth: number, found: (block: Block) => void): number {
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end]!)) end++;
  found({ kind: "quote", blocks: blocksOf(lines.slice(at, end).map((line) => line.replace(QUOTE, "")), depth + 1) });
  return end - at;
}

function listAt(lines: readonly string[], at: number, depth: number, found: (block: Block) => void): number {
  const first = ITEM.exec(lines[at]!)![2]!;
  const sign = first.at(-1)!;
  const items: Block[][] = [];
  let end = at;
  while (end < lines.length) {
    const item = ITEM.exec(lines[end]!);
    if (!item || !item[2]!.endsWith(sign) || RULE.test(lines[end]!)) break;
    const gap = item[3]!.length;
    const indent = item[1]!.length + item[2]!.length + (gap >= 1 && gap <= 4 ? gap : 1);
    const body = [lines[end]!.slice(indent)];
    for (end++; end < lines.length; end++) {
      const line = lines[end]!;
      const goesOn = line.startsWith(" ".repeat(indent)) || (blank(line) && continues(lines, end, indent));
      const isLazy = !blank(line) && !blank(body.at(-1)!) && !opensBlock(line);
      if (!goesOn && !isLazy) break;
      body.push(goesOn ? line.slice(indent) : line.trimStart());
    }
    items.push(blocksOf(body.map((line, i) => (i === 0 ? taskBox(line) : line)), depth + 1));
    while (end < lines.length && blank(lines[end]!)) end++;
  }
  found({ kind: "list", ordered: first.length > 1, start: parseInt(first, 10) || 1, items });
  return end - at;
}

/** Whether the first line that is not blank is indented as much. */
function continues(lines: readonly string[], at: number, indent: number): boolean {
  const until = Math.min(lines.length, at + 4);
  for (let next = at + 1; next < until; next++) {
    if (!blank(lines[next]!)) return lines[next]!.startsWith(" ".repeat(indent));
  }
  return false;
}

const opensBlock = (line: string): boolean =>
  ITEM.test(line) || HEADING.test(line) || FENCE.test(line) || QUOTE.test(line) || RULE.test(line);

const taskBox = (line: string): string => line.replace(/^\[( |x|X)\] /, (_, sign: string) => (sign === " " ? "☐ " : "☑ "));

function tableAt(lines: readonly string[], at: number, found: (block: Block) => void): number {
  const divider = lines[at + 1];
  if (divider === undefined || !divider.includes("-") || !DIVIDER.test(divider)) return 0;
  const head = cells(lines[at]!);
  const align = cells(divider).map(alignOf);
  if (head.length !== align.length) return 0;
  const rows: Inline[][][] = [];
  let end = at + 2;
  for (; end < lines.length && lines[end]!.includes("|"); end++) {
    const row = cells(lines[end]!);
    rows.push(head.map((_, i) => inline(row[i] ?? "")));
  }
  found({ kind: "table", align, head: head.map((cell) => inline(cell)), rows });
  return end - at;
}

function cells(line: string): string[] {
  const found: string[] = [];
  let cell = "";
  const text = line.trim().replace(/^\|/, "");
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "\\" && text[at + 1] === "|") cell += text[++at]!;
    else if (text[at] === "|") {
      found.push(cell.trim());
      cell = "";
    } else cell += text[at]!;
  }
  return cell.trim() || !found.length ? [...found, cell.trim()] : found;
}

function alignOf(cell: string): Align {
  const [left, right] = [cell.startsWith(":"), cell.endsWith(":")];
  return left && right ? "center" : right ? "right" : left ? "left" : "";
}

const blank = (line: string): boolean => line.trim() === "";

// --- In a line ------------------------------------------------------------------------------------------------------

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
