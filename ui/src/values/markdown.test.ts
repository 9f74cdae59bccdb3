import { describe, expect, it } from "vitest";
import { inline, safeAddress, type Inline } from "./inline";
import { parse, type Block } from "./markdown";

const text = (words: string): Inline => ({ kind: "text", text: words });

/** The tree in a line, for reading. */
function told(parts: readonly Inline[]): string {
  return parts
    .map((part) => {
      if (part.kind === "text") return part.text;
      if (part.kind === "code") return `<code ${part.text}>`;
      if (part.kind === "break") return "<br>";
      return part.kind === "link" ? `<a ${part.href} ${told(part.parts)}>` : `<${part.kind} ${told(part.parts)}>`;
    })
    .join("");
}

describe("in a line", () => {
  it.each([
    ["a **bold** and *thin* word", "a <strong bold> and <em thin> word"],
    ["***both***", "<strong <em both>>"],
    ["**bold *thin* bold**", "<strong bold <em thin> bold>"],
    ["snake_case_name and _thin_", "snake_case_name and <em thin>"],
    ["~~gone~~ ~here~", "<del gone> ~here~"],
    ["2 * 3 * 4", "2 * 3 * 4"],
    ["**never closed", "**never closed"],
    ["`a * b` and ``c ` d``", "<code a * b> and <code c ` d>"],
    ["`never closed", "`never closed"],
    ["\\*plain\\*", "*plain*"],
    ["one  \ntwo\nthree", "one<br>two\nthree"],
    ["[site](https://example.org/a_(b)) end", "<a https://example.org/a_(b) site> end"],
    ['[t](https://example.org "title")', "<a https://example.org/ t>"],
    ["see https://example.org/x_y, now", "see <a https://example.org/x_y https://example.org/x_y>, now"],
    ["![picture](https://example.org/p.png)", "<a https://example.org/p.png picture>"],
    ["[**b**](https://example.org)", "<a https://example.org/ <strong b>>"],
    ["[a] (b)", "[a] (b)"],
  ])("%s", (source, tree) => expect(told(inline(source))).toBe(tree));

  it.each([
    "javascript:alert(1)",
    " JaVaScript:alert(1)",
    "data:text/html,<script>1</script>",
    "vbscript:x",
    "/api/runs",
    "#/start",
    "//example.org",
    "https://exa mple.org",
    "http://",
    "\u0001javascript:alert(1)",
    "file:///etc/passwd",
  ])("%s is no address", (address) => {
    expect(safeAddress(address)).toBe("");
    expect(JSON.stringify(inline(`[press](${address})`))).not.toContain('"link"');
  });

  it("leaves HTML as text", () => {
    expect(parse("<img src=x onerror=alert(1)>")).toEqual([{ kind: "paragraph", parts: [text("<img src=x onerror=alert(1)>")] }]);
  });
});

describe("blocks", () => {
  const kinds = (blocks: readonly Block[]) => blocks.map(({ kind }) => kind);

  it("tells them apart", () => {
    const source = "# Head #\n\nwords\nmore\n\n---\n> said\n> twice\n\n```py\na = 1\n\nb\n```\n\n    indented\n\n- one\n- two";
    expect(kinds(parse(source))).toEqual(["heading", "paragraph", "rule", "quote", "code", "code", "list"]);
    expect(parse("## Head ##")[0]).toEqual({ kind: "heading", level: 2, parts: [text("Head")] });
    expect(parse("```py\na = 1\n\nb\n```")).toEqual([{ kind: "code", language: "py", text: "a = 1\n\nb" }]);
    expect(parse("```\nnever closed")).toEqual([{ kind: "code", language: "", text: "never closed" }]);
  });

  it("has lists in lists, and paragraphs in items", () => {
    const [list] = parse("3. three\n   still\n\n   again\n4. four\n   - inner\n   - [x] done\n");
    expect(list).toMatchObject({ kind: "list", ordered: true, start: 3 });
    const items = (list as Extract<Block, { kind: "list" }>).items;
    expect(items.map(kinds)).toEqual([["paragraph", "paragraph"], ["paragraph", "list"]]);
    expect(JSON.stringify(items[1])).toContain("☑ done");
  });

  it("breaks no paragraph at a year", () => {
    expect(kinds(parse("It was in\n1984. That is all."))).toEqual(["paragraph"]);
  });

  it("reads tables, with pipes in cells and cells that are missing", () => {
    expect(parse("| a | b |\n|:--|--:|\n| 1 | x \\| y |\n| 2 |")).toEqual([
      {
        kind: "table",
        align: ["left", "right"],
        head: [[text("a")], [text("b")]],
        rows: [
          [[text("1")], [text("x | y")]],
          [[text("2")], []],
        ],
      },
    ]);
    expect(kinds(parse("a | b\nno table"))).toEqual(["paragraph"]);
  });
});

it.each([
  "*", "**a ", "_", "[", "[](", "![", "](", "`", "` ``", "> ", "- ", "1. ", "~~", "\\", "|", "a|b\n-|-\n", "#", "***x", "*_", "h", "https://a", "\n\n- \n",
  "- a\n\n\n", "   - b\n", "[a](b", "<", "\u0000", "((",
])("is done with 20,000 characters of %j at once", { retry: 2 }, (piece) => {
  const began = performance.now();
  parse(piece.repeat(Math.ceil(20_000 / piece.length)));
  expect(performance.now() - began).toBeLessThan(400);
});
