// Every call of the API, as a function. An answer that refuses is thrown as ApiRefused, none at all as Unreachable.

import { heard, lostTouch } from "../state/connection";
import { answered, embedded, NotInFile, whereabouts } from "./embedded";
import { ApiRefused, Unreachable, wasAborted } from "./refused";
import type * as T from "./types";

export { ApiRefused, Unreachable, wasAborted } from "./refused";

type Query = Record<string, string | number | boolean | null | undefined>;

/** A path below /api, with its query; what is empty in the query is left out. */
export function path(parts: readonly string[], query: Query = {}): string {
  const words = Object.entries(query)
    .filter(([, value]) => value !== undefined && value !== null && value !== "" && value !== false)
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  const whole = parts.map((part) => `/${encodeURIComponent(part)}`).join("");
  return words.length ? `${whole}?${words.join("&")}` : whole;
}

/** The address of a path of the API; it lies beside the page, wherever that is served. */
export const address = (below: string): string => new URL(`api${below}`, document.baseURI).href;

async function call<Answer>(below: string, body: unknown, signal?: AbortSignal): Promise<Answer> {
  const posts = body !== undefined;
  if (embedded && posts) throw new NotInFile();
  if (embedded) return answered(embedded, below) as Answer;
  let response: Response;
  try {
    response = await fetch(address(below), {
      method: posts ? "POST" : "GET",
      headers: posts ? { "Content-Type": "application/json" } : {},
      body: posts ? JSON.stringify(body) : undefined,
      credentials: "same-origin",
      signal,
    });
  } catch (error) {
    if (wasAborted(error)) throw error;
    lostTouch();
    throw new Unreachable();
  }
  heard(response.status);
  if (!response.ok) throw new ApiRefused(response.status, await refusalOf(response));
  return (await response.json()) as Answer;
}

async function refusalOf(response: Response): Promise<Partial<T.Refusal>> {
  try {
    return (await response.json()) as T.Refusal;
  } catch {
    return {};
  }
}

const get = <Answer>(parts: readonly string[], query?: Query, signal?: AbortSignal): Promise<Answer> =>
  call<Answer>(path(parts, query), undefined, signal);

const post = <Answer>(parts: readonly string[], body: object, signal?: AbortSignal): Promise<Answer> =>
  call<Answer>(path(parts), body, signal);

// --- Look -----------------------------------------------------------------------------------------------------------

export interface RunsAsked {
  state?: string;
  q?: string;
  skip?: number;
  most?: number;
}

export const listRuns = (asked: RunsAsked = {}, signal?: AbortSignal) => get<T.RunList>(["runs"], { ...asked }, signal);

export const rows = (run: string, after = 0, signal?: AbortSignal) =>
  get<T.Change>(["runs", run, "rows"], { after: after || undefined }, signal);

/** The address of the stream of a run's changes. */
export const streamAddress = (run: string, after: number): string =>
  address(path(["runs", run, "stream"], { after: after || undefined }));

export interface EventsAsked {
  after?: number;
  before?: number;
  most?: number;
  task?: string;
}

export const events = (run: string, asked: EventsAsked = {}, signal?: AbortSignal) =>
  get<T.Events>(["runs", run, "events"], { ...asked }, signal);

export const past = (run: string, signal?: AbortSignal) => get<T.Past>(["runs", run, "past"], {}, signal);

export const timeline = (run: string, signal?: AbortSignal) => get<T.Timeline>(["runs", run, "timeline"], {}, signal);

export const panel = (run: string, task: string, signal?: AbortSignal) =>
  get<T.TaskPanel>(["runs", run, "tasks", task], {}, signal);

export const outputs = (run: string, signal?: AbortSignal) =>
  get<{ outputs: Record<string, T.Value> }>(["runs", run, "outputs"], {}, signal);

export interface ValueAsked {
  task?: string;
  output?: string;
  blob?: string;
  path?: string;
}

/** Where a whole value is, for a link or an image; "" where the page is a file that does not hold it. */
export const valueAddress = (run: string, asked: ValueAsked): string => bytesAt(path(["runs", run, "value"], { ...asked }));

function bytesAt(below: string): string {
  if (!embedded) return address(below);
  const found = whereabouts(below);
  return found === below ? "" : found;
}

// --- Weigh ----------------------------------------------------------------------------------------------------------

export const spending = (run: string, signal?: AbortSignal) => get<T.Spending>(["runs", run, "spending"], {}, signal);

export const explainRun = (run: string, signal?: AbortSignal) => get<T.Explained>(["runs", run, "explain"], {}, signal);

export const explain = (target: string, signal?: AbortSignal) => get<T.Explained>(["explain"], { target }, signal);

export const compare = (a: string, b: string, signal?: AbortSignal) => get<T.Comparison>(["compare"], { a, b }, signal);

/** The address of a run to keep: its JSON, or a page of its own; empty where the page is a file. */
export const exportAddress = (run: string, kind: "json" | "html"): string =>
  embedded ? "" : address(path(["runs", run, `export.${kind}`]));

// --- Start ----------------------------------------------------------------------------------------------------------

export const workflows = (signal?: AbortSignal) => get<T.Workflows>(["workflows"], {}, signal);

export const form = (target: string, signal?: AbortSignal) => get<T.Form>(["workflows", "form"], { target }, signal);

export const start = (said: T.Start) => post<T.Begun>(["runs"], said);

// --- Act ------------------------------------------------------------------------------------------------------------

const because = (reason: string): T.Reason => (reason ? { because: reason } : {});

export const cancel = (run: string, reason = "") => post<T.Done>(["runs", run, "cancel"], because(reason));

export const pause = (run: string, reason = "") => post<T.Done>(["runs", run, "pause"], because(reason));

/** Let a paused run go on. */
export const goOn = (run: string, reason = "") => post<T.Done>(["runs", run, "continue"], because(reason));

export const resume = (run: string, reason = "") => post<T.Begun>(["runs", run, "resume"], because(reason));

/** Begin a new run of the same target and inputs. */
export const retry = (run: string, reason = "") => post<T.Begun>(["runs", run, "retry"], because(reason));

export const answer = (run: string, task: string, said: T.Answer) =>
  post<T.Done>(["runs", run, "tasks", task, "answer"], said);

export const draft = (run: string, signal?: AbortSignal) => get<T.Draft>(["runs", run, "draft"], {}, signal);

export const edit = (run: string, said: T.Edit) => post<T.Edited>(["runs", run, "edit"], said);

// --- Fleet ----------------------------------------------------------------------------------------------------------

export const fleet = (signal?: AbortSignal) => get<T.Fleet>(["fleet"], {}, signal);

export const drain = (device: string, undo = false) => post<T.Done>(["fleet", device, "drain"], undo ? { undo } : {});

export const revoke = (device: string) => post<T.Done>(["fleet", device, "revoke"], {});

export const enrol = (name: string, skills: string[] = []) => post<T.Enrolment>(["fleet", "enrol"], { name, skills });
