// A run that stands in the page itself: the file that `orrery show RUN --html` writes answers what the API would.
import type { Change, Events, Exported, RunList, Told } from "./types";

const ELEMENT = "orrery-run";

/** The run in this page; null where a server answers. */
export const embedded: Exported | null = typeof document === "undefined" ? null : read(document);

/** What is missing in a file: it holds one run, and nobody to act on it. */
export class NotInFile extends Error {
  constructor() {
    super("This file holds a run as it was; open it in `orrery ui` for more.");
    this.name = "NotInFile";
  }
}

/** The answer to a GET of an address such as "/runs/demo/events?after=7". Throws NotInFile. */
export function answered(run: Exported, address: string): unknown {
  const [path = "", query = ""] = below(address).split("?");
  const words = path.split("/").slice(1).map(decodeURIComponent);
  const asked = new URLSearchParams(query);
  if (words[0] === "runs" && words.length === 1) return listed(run);
  if (words[0] !== "runs" || words[1] !== run.change.head.run) throw new NotInFile();
  switch (words[2]) {
    case "rows":
      return changedAfter(run.change, Number(asked.get("after") ?? 0));
    case "timeline":
      return run.timeline;
    case "past":
      return run.past;
    case "outputs":
      return { outputs: run.outputs };
    case "spending":
      return run.spending;
    case "events":
      return some(run.events, asked);
    case "tasks": {
      const panel = words.length === 4 ? run.panels[words[3] ?? ""] : undefined;
      if (panel) return panel;
    }
  }
  throw new NotInFile();
}

/** Where the bytes behind an address of the API are: in the page, or at that address. */
export function whereabouts(address: string): string {
  const file = embedded?.files[below(address)];
  return file ? `data:${file.media};base64,${file.base64}` : address;
}

/** An address as it is below /api. */
const below = (address: string): string => address.replace(/^\/api(?=\/)/, "");

function read(page: Document): Exported | null {
  const element = page.getElementById(ELEMENT);
  return element ? (JSON.parse(element.textContent ?? "null") as Exported | null) : null;
}

function listed({ change }: Exported): RunList {
  const { head, tasks = [] } = change;
  const line = {
    run: head.run,
    state: head.state,
    created_at: head.started_at,
    updated_at: head.now,
    events: head.seq,
    target: head.target,
    tasks: tasks.length,
    money: head.money,
    tokens: head.tokens,
  };
  return { runs: [line], total: 1, states: { [head.state]: 1 } };
}

function changedAfter(change: Change, after: number): Change {
  return after ? { ...change, tasks: change.tasks?.filter((row) => row.changed > after) } : change;
}

/** Some of the events: the first ones after a number, or the last ones before one; of one task where that is named. */
function some({ events }: Events, asked: URLSearchParams): Events {
  const most = Number(asked.get("most") ?? 200);
  const task = asked.get("task");
  const before = Number(asked.get("before") ?? 0);
  const after = Number(asked.get("after") ?? 0);
  const fits = ({ seq, task: about }: Told) => seq > after && (!before || seq < before) && (!task || about === task);
  const fitting = events.filter(fits);
  const shown = before ? fitting.slice(-most) : fitting.slice(0, most);
  return { events: shown, more: shown.length < fitting.length };
}
