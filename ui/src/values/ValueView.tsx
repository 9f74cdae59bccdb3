// A value of a run, as what it is: text, Markdown, JSON, a table, an image, bytes, an error.

import { useMemo, useState } from "preact/hooks";
import type { Value } from "../api/types";
import { Button, IconButton, LinkButton } from "../parts/Button";
import { Choice } from "../parts/Choice";
import { bytes } from "../parts/format";
import { copy } from "./copy";
import { JsonTree } from "./JsonTree";
import { Markdown } from "./Markdown";
import { TableView } from "./TableView";
import "./values.css";

interface Props {
  value: Value;
  /** Where all of it is, as bytes; "" where that is nowhere. */
  whole?: string;
  /** What it is of, for a screen reader. */
  label: string;
}

type Reading = "read" | "source";

export function ValueView({ value, whole = "", label }: Props) {
  const [wraps, setWraps] = useState(true);
  const [reading, setReading] = useState<Reading>("read");
  // A table has thousands of cells, and what is around it is drawn as often as its run changes.
  const shown = useMemo(
    () => <Shown value={value} whole={whole} label={label} wraps={wraps} source={reading === "source"} />,
    [value, whole, label, wraps, reading],
  );
  if (value.kind === "none") return <p class="value none">Nothing</p>;
  if (value.kind === "json" && typeof value.json !== "object") return <code class="value plain">{String(value.json)}</code>;
  return (
    <div class="value">
      <div class="value-tools">
        {value.kind === "markdown" && (
          <Choice
            label={`How ${label} is shown`}
            options={[
              { id: "read", label: "Text" },
              { id: "source", label: "Source" },
            ]}
            chosen={reading}
            onChoose={setReading}
          />
        )}
        <span class="size">{value.size_bytes ? bytes(value.size_bytes) : ""}</span>
        {(value.kind === "text" || (value.kind === "markdown" && reading === "source")) && (
          <Button kind="quiet" small aria-pressed={wraps} onClick={() => setWraps(!wraps)}>
            Wrap
          </Button>
        )}
        {COPIED.has(value.kind) && (
          <IconButton icon="copy" small label={value.cut ? `Copy what is shown of ${label}` : `Copy ${label}`} onClick={() => void copy(textOf(value))} />
        )}
        {whole && <LinkButton kind="quiet" class="bare" icon="save" small href={whole} download="" aria-label={`Download ${label}`} title="Download" />}
      </div>
      {shown}
      {value.cut && (
        <p class="cut">
          Only the beginning is shown.{" "}
          {whole && (
            <a href={whole} target="_blank" rel="noreferrer">
              See the whole
            </a>
          )}
        </p>
      )}
    </div>
  );
}

interface ShownProps {
  value: Value;
  whole: string;
  label: string;
  wraps: boolean;
  source: boolean;
}

function Shown({ value, whole, label, wraps, source }: ShownProps) {
  switch (value.kind) {
    case "markdown":
      if (!source) return <Markdown text={value.text ?? ""} />;
      return <Text text={value.text ?? ""} label={label} wraps={wraps} />;
    case "text":
      return <Text text={value.text ?? ""} label={label} wraps={wraps} />;
    case "json":
      // A value that is too large to be opened comes without any of it.
      if (value.cut && (value.json === undefined || value.json === null)) return <p class="hint">It is too large to be shown here.</p>;
      return <JsonTree value={value.json} label={label} />;
    case "table":
      return <TableView value={value} label={label} />;
    case "image":
      return <Picture key={whole} value={value} whole={whole} label={label} />;
    case "bytes":
      return (
        <p class="hint">
          {bytes(value.size_bytes)} of {value.media || "bytes"}
        </p>
      );
    case "error":
      return (
        <>
          <p class="wrong">{value.text}</p>
          {value.json !== undefined && value.json !== null && <JsonTree value={value.json} label={label} />}
        </>
      );
  }
  return <JsonTree value={value} label={label} />;
}

function Text({ text, label, wraps }: { text: string; label: string; wraps: boolean }) {
  if (text === "") return <p class="hint">An empty text</p>;
  return (
    <pre class={wraps ? "value-text wraps" : "value-text"} tabIndex={0} aria-label={label}>
      {text}
    </pre>
  );
}

function Picture({ value, whole, label }: { value: Value; whole: string; label: string }) {
  const [size, setSize] = useState("");
  const [broken, setBroken] = useState(false);
  if (!whole || broken) return <p class="hint">The image cannot be shown here.</p>;
  return (
    <figure>
      <a href={whole} target="_blank" rel="noreferrer">
        <img
          src={whole}
          alt={label}
          loading="lazy"
          onLoad={(event) => setSize(`${event.currentTarget.naturalWidth} × ${event.currentTarget.naturalHeight}`)}
          onError={() => setBroken(true)}
        />
      </a>
      <figcaption class="hint">{[value.media, size].filter(Boolean).join(", ")}</figcaption>
    </figure>
  );
}

const COPIED: ReadonlySet<string> = new Set(["text", "markdown", "error", "json", "table"]);

function textOf(value: Value): string {
  if (value.kind === "json") return JSON.stringify(value.json ?? null, null, 2);
  if (value.kind !== "table") return value.text ?? "";
  return [value.columns ?? [], ...(value.rows ?? [])].map((row) => row.map(tabbed).join("\t")).join("\n");
}

/** As spreadsheets take it from a clipboard. */
function tabbed(cell: unknown): string {
  const text = cell === null || cell === undefined ? "" : typeof cell === "object" ? JSON.stringify(cell) : String(cell);
  return /["\t\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
