import { expect, test } from "vitest";
import { colouring } from "../canvas/colours";
import { cut } from "../canvas/painter";
import { drawEdges, drawNode, type Scene } from "../canvas/scene";
import { GraphModel } from "../model";
import { fixed } from "../source";
import { escaped, SvgPainter } from "./svg";

const INK = { colour: (name: string) => name.replace("--", "#"), hatch: () => "" };
const EVIL = `<script>"&'\u0000\ud800`;
const rows = [
  { id: "a", op: "py:m:first", state: "succeeded", changed: 1, born: 1, began_at: 1, ended_at: 3 },
  { id: EVIL, op: EVIL, state: "running", changed: 1, born: 1, fraction: 0.5, needs: [{ task: "a", hard: true }] },
  { id: "c", op: "x", state: "waiting", changed: 1, born: 1, needs: [{ task: "a", hard: false }] },
];
const measure = (words: string) => 6 * words.length;

async function drawn(chosen: string | null = null) {
  const model = new GraphModel(fixed(rows));
  await expect.poll(() => Number.isNaN(model.nodes.get("c")!.x)).toBe(false);
  const scene: Scene = {
    model,
    ink: INK,
    colouring: colouring("state", rows, INK, false),
    marks: new Map([["c", "added"]]),
    chosen,
    around: chosen === null ? null : new Set([chosen]),
    path: null,
    found: null,
    hovered: null,
    current: null,
    now: 10,
  };
  const painter = new SvgPainter(measure);
  drawEdges(painter, scene, model.bounds, 1.3, true);
  for (const node of model.nodes.values()) drawNode(painter, scene, node, 0, 1);
  model.dispose();
  return painter.document({ x: 0, y: 0, width: 100, height: 50 }, "#fff", "a <title>");
}

/** Every element of a document, opened and closed as it should be. Throws where it is not. */
function elements(svg: string): string[] {
  const open: string[] = [];
  const found: string[] = [];
  for (const [, end, name, attributes, empty] of svg.matchAll(/<(\/?)([a-z]+)((?: [a-z-]+="[^"<]*")*)(\/?)>/gi)) {
    if (end) expect(open.pop()).toBe(name);
    else {
      found.push(name!);
      expect(new Set(attributes!.match(/ [a-z-]+=/gi)).size).toBe(attributes!.match(/ [a-z-]+=/gi)?.length ?? 0);
      if (!empty) open.push(name!);
    }
  }
  expect(open).toEqual([]);
  expect(svg.match(/</g)).toHaveLength(found.length + (svg.match(/<\//g)?.length ?? 0));
  return found;
}

test("the document is well formed, whatever tasks are called", async () => {
  const svg = await drawn();
  expect(elements(svg).filter((name) => name === "title")).toHaveLength(1);
  expect(svg).not.toContain("<script>");
  expect(svg).toContain("&lt;script&gt;");
  expect(svg).toContain(">2.0 s<");
  expect(svg).toContain(">first<");
  expect(svg).not.toContain("NaN");
});

test("an edge that orders only is dashed, and what is not looked at is faded", async () => {
  const plain = await drawn();
  expect(plain.match(/stroke-dasharray/g)).toHaveLength(1);
  expect(plain).not.toContain('opacity="0.4"');
  expect(await drawn("a")).toContain('opacity="0.4"');
});

test("characters that XML cannot hold are left out, the rest is kept", () => {
  expect(escaped(`a\u0001b\ud83d\ude00\udc00<&">`)).toBe("ab\ud83d\ude00&lt;&amp;&quot;&gt;");
});

test("words that are too long keep their ends", () => {
  const painter = new SvgPainter(measure);
  expect(cut(painter, "short", 60, { size: 12 })).toBe("short");
  const words = cut(painter, "a-very-long-name/of-a-task/17", 60, { size: 12 });
  expect(words.length).toBeLessThanOrEqual(10);
  expect(words.startsWith("a-v")).toBe(true);
  expect(words.endsWith("17")).toBe(true);
});
