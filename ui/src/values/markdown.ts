// Markdown as a tree: headings, lists, quotes, code and tables, with what `inline` finds in their lines. What it reads is
// hostile: HTML is text, a link leads to http(s) or nowhere, and every text is read in a time that grows with its length.

import { inline, type Inline } from "./inline";

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
