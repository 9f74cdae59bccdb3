// How a state looks: a colour and a shape, so that neither is needed to know it. Runs, tasks and devices share them.

export interface Look {
  /** A variable of theme.css. */
  colour: string;
  shape: Shape;
  /** The word that is shown. */
  word: string;
}

export type Shape =
  | "ring"
  | "dot"
  | "orbit"
  | "turn"
  | "square"
  | "branch"
  | "question"
  | "check"
  | "cross"
  | "dash"
  | "slash"
  | "bars"
  | "bolt";

const LOOKS: Record<string, Look> = {
  waiting: { colour: "--waiting", shape: "ring", word: "waiting" },
  ready: { colour: "--ready", shape: "dot", word: "ready" },
  running: { colour: "--running", shape: "orbit", word: "running" },
  retrying: { colour: "--retrying", shape: "turn", word: "retrying" },
  stopping: { colour: "--cancelled", shape: "square", word: "stopping" },
  grown: { colour: "--running", shape: "branch", word: "grown" },
  asking: { colour: "--asking", shape: "question", word: "asking" },
  succeeded: { colour: "--succeeded", shape: "check", word: "succeeded" },
  failed: { colour: "--failed", shape: "cross", word: "failed" },
  skipped: { colour: "--skipped", shape: "dash", word: "skipped" },
  cancelled: { colour: "--cancelled", shape: "slash", word: "cancelled" },
  paused: { colour: "--waiting", shape: "bars", word: "paused" },
  interrupted: { colour: "--asking", shape: "bolt", word: "interrupted" },
  partial: { colour: "--asking", shape: "dash", word: "partial" },
};

/** The states of tasks in the order in which they are listed: what wants attention first. */
export const TASK_STATES = [
  "failed",
  "asking",
  "running",
  "retrying",
  "stopping",
  "grown",
  "ready",
  "waiting",
  "succeeded",
  "skipped",
  "cancelled",
] as const;

/** The states of runs, likewise. */
export const RUN_STATES = ["running", "paused", "interrupted", "failed", "partial", "succeeded", "cancelled"] as const;

/** How a state looks; one that is not known here is a ring in the colour of what waits, under its own name. */
export function look(state: string): Look {
  return LOOKS[state] ?? { colour: "--waiting", shape: "ring", word: state };
}

/** Whether a run of that state has ended for good. */
export const hasEnded = (state: string): boolean => !["running", "paused", "interrupted"].includes(state);
