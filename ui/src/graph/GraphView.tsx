// The graph of tasks: drawn, or as a list; coloured by what one asks; searched; with the path that decides how long it takes.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { TaskRow } from "../api/types";
import { IconButton } from "../parts/Button";
import { Choice } from "../parts/Choice";
import { Empty } from "../parts/Empty";
import { Check, Select } from "../parts/Field";
import { plural } from "../parts/format";
import { dark } from "../state/theme";
import { MODES, type Entry, type Mode } from "./canvas/colours";
import { GraphCanvas } from "./canvas/GraphCanvas";
import { Minimap } from "./canvas/Minimap";
import { critical } from "./critical";
import { ExportMenu } from "./export/ExportMenu";
import { GraphHint } from "./GraphHint";
import { GraphList } from "./GraphList";
import { GraphModel, type GraphNode } from "./model";
import type { GraphSource } from "./source";
import { told } from "./told";
import "./graphview.css";

interface Props {
  store: GraphSource;
  selected: string | null;
  onSelect: (task: string | null) => void;
  /** What is said of single tasks: "added", "removed" or "changed". */
  marks?: ReadonlyMap<string, string>;
  /** Called once the graph is seen: what is less urgent can wait for it. */
  onShown?: () => void;
  /** What the graph is of, for the names of files. */
  name?: string;
}

const SHOWN = [
  { id: "drawn", label: "Drawn" },
  { id: "list", label: "List" },
] as const;
const NO_MARKS: ReadonlyMap<string, string> = new Map();
/** The longest path is looked for anew at most so often. */
const PATH_EVERY_MS = 1000;

export function GraphView({ store, selected, onSelect, marks = NO_MARKS, name = "graph", onShown }: Props) {
  const [shown, setShown] = useState<"drawn" | "list">("drawn");
  const [mode, setMode] = useState<Mode>("state");
  const [showsPath, setShowsPath] = useState(false);
  const [words, setWords] = useState("");
  const version = useChanges(store, PATH_EVERY_MS);
  const path = useMemo(() => (showsPath ? critical(store.rows, store.now()) : null), [store, version, showsPath]);
  const found = useMemo(() => matching(store.rows, words), [store, version, words]);
  const [canvas, setCanvas] = useState<GraphCanvas | null>(null);
  const [legend, setLegend] = useState<readonly Entry[]>([]);
  const whole = useRef<HTMLDivElement>(null);

  useEffect(() => canvas?.show({ selected, marks, critical: path, found }, mode), [canvas, selected, marks, path, found, mode]);
  useEffect(() => setLegend(canvas?.recolour() ?? []), [canvas, mode, version, dark.value]);
  const isDrawn = shown === "drawn" && store.rows.size > 0;
  useEffect(() => {
    if (!isDrawn) onShown?.();
  }, [isDrawn]);
  const goOn = () => {
    const ids = [...(found ?? [])];
    const next = ids[(ids.indexOf(selected ?? "") + 1) % ids.length];
    if (next !== undefined) onSelect(next);
  };

  const isEmpty = store.rows.size === 0;
  const wasDrawn = useRef(false);
  wasDrawn.current ||= !isEmpty;
  const none = isEmpty && <Empty title="No tasks yet">They show up here as they are planned.</Empty>;
  // Before its first task was there, a graph that was drawn stays as it is: places, folds and the part that is looked at.
  if (!wasDrawn.current) return none;
  return (
    <div class="graph" ref={whole}>
      {none}
      <div class="graph-tools">
        <Choice label="Shown as" options={SHOWN} chosen={shown} onChoose={setShown} />
        <input
          type="search"
          class="control graph-find"
          autocomplete="off"
          spellcheck={false}
          placeholder="Find a task"
          aria-label="Find a task by a part of its name, operation or state"
          value={words}
          onInput={(event) => setWords(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") goOn();
            else if (event.key === "Escape" && words) setWords("");
            else return;
            event.preventDefault();
            event.stopPropagation();
          }}
        />
        {found && (
          <span class="quiet-text" role="status">
            {found.size === 0 ? "nothing found" : `${plural(found.size, "task")}`}
          </span>
        )}
        {shown === "drawn" && (
          <>
            <label class="graph-mode">
              Colour by
              <Select value={mode} options={MODES} onValue={(value) => setMode(value as Mode)} />
            </label>
            <Check label="Critical path" checked={showsPath} onChecked={setShowsPath} />
            <span class="gap" />
            <span class="buttons">
              <IconButton icon="minus" small label="Zoom out ( - )" onClick={() => canvas?.zoom(1 / 1.4)} />
              <IconButton icon="plus" small label="Zoom in ( + )" onClick={() => canvas?.zoom(1.4)} />
              <IconButton icon="fit" small label="Show the whole graph ( 0 )" onClick={() => canvas?.fit()} />
              <ExportMenu canvas={canvas} name={name} />
            </span>
          </>
        )}
      </div>
      {shown === "list" ? (
        <GraphList
          key={words}
          store={store}
          version={version}
          selected={selected}
          onSelect={onSelect}
          marks={marks}
          found={found}
          most={Math.max(160, (whole.current?.clientHeight ?? 460) - 52)}
        />
      ) : (
        <>
          <Drawing store={store} onSelect={onSelect} onCanvas={setCanvas} onDrawn={() => onShown?.()} />
          <ul class="graph-legend" aria-label="What the colours mean">
            {legend.map(({ colour, words: meaning }) => (
              <li key={meaning}>
                <span class="patch" style={{ background: colour }} />
                {meaning}
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

interface DrawingProps {
  store: GraphSource;
  onSelect: (task: string | null) => void;
  onCanvas: (canvas: GraphCanvas | null) => void;
  onDrawn: () => void;
}

function Drawing({ store, onSelect, onCanvas, onDrawn }: DrawingProps) {
  const place = useRef<HTMLDivElement>(null);
  const model = useRef<GraphModel | null>(null);
  const latest = useRef(onSelect);
  latest.current = onSelect;
  const [hover, setHover] = useState<{ node: GraphNode; x: number; y: number } | null>(null);
  const [spoken, setSpoken] = useState("");
  useEffect(() => {
    const made = (model.current = new GraphModel(store));
    let map: Minimap | null = null;
    const canvas = new GraphCanvas(place.current!, made, {
      onHover: (node, x, y) => setHover(node && { node, x, y }),
      onSelect: (task) => latest.current(task),
      onMove: (node) => setSpoken(told(node, made.now())),
      onView: () => map?.viewed(),
      onDrawn,
    });
    map = new Minimap(place.current!, canvas, made);
    onCanvas(canvas);
    return () => {
      onCanvas(null);
      map.end();
      canvas.end();
      made.dispose();
    };
  }, []);
  useEffect(() => model.current?.sourceChanged(store), [store]);
  return (
    <>
      <div
        class="graph-drawing"
        ref={place}
        tabIndex={0}
        role="group"
        aria-label={`Graph of ${plural(store.rows.size, "task")}. Arrows go along it, plus and minus zoom, Enter shows a task, Space unfolds a group. The list has the same.`}
      />
      <p class="unseen" role="status">
        {spoken}
      </p>
      {hover && <GraphHint {...hover} now={store.now()} />}
    </>
  );
}

/** Counts the changes of a source, a few at once. */
function useChanges(store: GraphSource, everyMs: number): number {
  const [version, setVersion] = useState(0);
  useEffect(() => {
    let timer = 0;
    const count = () => {
      timer = 0;
      setVersion((before) => before + 1);
    };
    count();
    const leave = store.listen(() => (timer ||= window.setTimeout(count, everyMs)));
    return () => {
      leave();
      clearTimeout(timer);
    };
  }, [store, everyMs]);
  return version;
}

/** Tasks that have every one of the words in what they are; null where there are no words. */
export function matching(rows: ReadonlyMap<string, TaskRow>, words: string): ReadonlySet<string> | null {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return null;
  const found = new Set<string>();
  for (const { id, op, state, where = "", model = "", label = "" } of rows.values()) {
    const text = `${id} ${op} ${state} ${where} ${model} ${label}`.toLowerCase();
    if (wanted.every((word) => text.includes(word))) found.add(id);
  }
  return found;
}
