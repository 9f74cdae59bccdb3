import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import type { Inline } from "./inline";
import { parse, type Block } from "./markdown";

/** Markdown as nodes. Headings begin two levels down, since the page has its own above them. */
export function Markdown({ text }: { text: string }) {
  const blocks = useMemo(() => parse(text), [text]);
  return <div class="markdown">{blocks.map(block)}</div>;
}

const LEVELS = ["h3", "h4", "h5", "h6"] as const;

function block(one: Block, key: number): ComponentChildren {
  switch (one.kind) {
    case "heading": {
      const Head = LEVELS[Math.min(one.level, LEVELS.length) - 1]!;
      return <Head key={key}>{inlines(one.parts)}</Head>;
    }
    case "paragraph":
      return <p key={key}>{inlines(one.parts)}</p>;
    case "code":
      return (
        <pre key={key} tabIndex={0} aria-label={one.language ? `Code: ${one.language}` : "Code"}>
          <code>{one.text}</code>
        </pre>
      );
    case "quote":
      return <blockquote key={key}>{one.blocks.map(block)}</blockquote>;
    case "rule":
      return <hr key={key} />;
    case "list": {
      const items = one.items.map((blocks, i) => <li key={i}>{item(blocks)}</li>);
      return one.ordered ? (
        <ol key={key} start={one.start}>
          {items}
        </ol>
      ) : (
        <ul key={key}>{items}</ul>
      );
    }
    case "table":
      return <MarkdownTable key={key} table={one} />;
  }
}

/** A paragraph alone needs no room of its own. */
function item(blocks: readonly Block[]): ComponentChildren {
  return blocks.map((one, i) => (one.kind === "paragraph" && i === 0 ? inlines(one.parts) : block(one, i)));
}

function MarkdownTable({ table }: { table: Extract<Block, { kind: "table" }> }) {
  const side = (column: number) => table.align[column] || undefined;
  return (
    <div class="scrolls">
      <table class="table">
        <thead>
          <tr>
            {table.head.map((cell, i) => (
              <th key={i} scope="col" data-align={side(i)}>
                {inlines(cell)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, r) => (
            <tr key={r}>
              {row.map((cell, i) => (
                <td key={i} data-align={side(i)}>
                  {inlines(cell)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function inlines(parts: readonly Inline[]): ComponentChildren {
  return parts.map((part, key) => {
    switch (part.kind) {
      case "text":
        return part.text;
      case "code":
        return <code key={key}>{part.text}</code>;
      case "break":
        return <br key={key} />;
      case "link":
        return (
          <a key={key} href={part.href} rel="noreferrer" target="_blank">
            {inlines(part.parts)}
          </a>
        );
      case "strong":
        return <strong key={key}>{inlines(part.parts)}</strong>;
      case "em":
        return <em key={key}>{inlines(part.parts)}</em>;
      case "del":
        return <del key={key}>{inlines(part.parts)}</del>;
    }
  });
}
