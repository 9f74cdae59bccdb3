// A graph as SVG: a painter that writes what it is told.

import { FAMILY, part, type Box, type Font, type Painter, type Stroke } from "../canvas/painter";

const number = (value: number): string => String(Math.round(value * 100) / 100);

export class SvgPainter implements Painter {
  private readonly parts: string[] = [];
  private share = 1;

  /** @param measure the width of words, as the screen has them */
  constructor(readonly measure: (words: string, font: Font) => number) {}

  opacity(share: number): void {
    this.share = share;
  }

  box({ x, y, width, height, radius }: Box, fill: string | null, stroke?: Stroke): void {
    this.write("rect", { x, y, width, height, rx: radius, ...inside(fill), ...around(stroke) });
  }

  text(words: string, x: number, y: number, colour: string, font: Font): void {
    const look = { x, y, fill: colour, "font-size": font.size, "font-weight": font.bold ? "600" : null, "dominant-baseline": "central" };
    this.write("text", look, escaped(words));
  }

  path(path: string, x: number, y: number, scale: number, stroke: Stroke | null, fill: string | null): void {
    const transform = `translate(${number(x)} ${number(y)}) scale(${number(scale)})`;
    const ends = stroke && { "stroke-linecap": "round", "stroke-linejoin": "round" };
    this.write("path", { d: path, transform, ...inside(fill), ...around(stroke ?? undefined), ...ends });
  }

  curve(points: readonly number[], stroke: Stroke, head: number): void {
    let way = `M${number(points[0]!)} ${number(points[1]!)}`;
    for (let at = 2; at < points.length; at += 2) way += `C${part(points, at, head).map(number).join(" ")}`;
    this.write("path", { d: way, fill: "none", ...around(stroke) });
    if (head <= 0) return;
    const [x, y] = points.slice(-2) as [number, number];
    const corners = [x, y, x - head, y - head / 2, x - head, y + head / 2].map(number);
    this.write("path", { d: `M${corners[0]} ${corners[1]}L${corners[2]} ${corners[3]}L${corners[4]} ${corners[5]}z`, fill: stroke.colour });
  }

  /** The document: what was drawn, on a ground, as large as a box. */
  document({ x, y, width, height }: Omit<Box, "radius">, ground: string, title: string): string {
    const view = [x, y, width, height].map(number).join(" ");
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${view}" width="${number(width)}" height="${number(height)}" font-family="${FAMILY}">`,
      `<title>${escaped(title)}</title>`,
      `<rect x="${number(x)}" y="${number(y)}" width="${number(width)}" height="${number(height)}" fill="${ground}"/>`,
      ...this.parts,
      "</svg>\n",
    ].join("\n");
  }

  private write(name: string, attributes: Record<string, string | number | null>, content = ""): void {
    const given = { ...attributes, opacity: this.share === 1 ? null : this.share };
    const words = Object.entries(given).flatMap(([key, value]) => (value === null ? [] : [` ${key}="${typeof value === "number" ? number(value) : escaped(value)}"`]));
    this.parts.push(content ? `<${name}${words.join("")}>${content}</${name}>` : `<${name}${words.join("")}/>`);
  }
}

const inside = (fill: string | null) => ({ fill: fill ?? "none" });
const around = (stroke: Stroke | undefined) => ({
  stroke: stroke?.colour ?? null,
  "stroke-width": stroke?.width ?? null,
  "stroke-dasharray": stroke?.dashed ? "5 4" : null,
});

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Words as XML takes them; characters that no document may hold are left out. */
export const escaped = (words: string): string =>
  words.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "").replace(/[&<>"]/g, (letter) => ENTITIES[letter]!);
