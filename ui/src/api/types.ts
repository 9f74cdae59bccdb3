// Made by `python -m orrery.dashboard.web.typescript`; change the structs in src/orrery/dashboard instead.

export interface Need {
  task: string;
  on?: string;
  hard?: boolean;
}

export interface TaskRow {
  id: string;
  op: string;
  state: string;
  changed: number;
  born: number;
  label?: string;
  parent?: string;
  each?: boolean;
  needs?: Need[];
  executor?: string;
  model?: string;
  where?: string;
  attempt?: number;
  ready_at?: number | null;
  queued_at?: number | null;
  began_at?: number | null;
  ended_at?: number | null;
  fraction?: number | null;
  note?: string;
  money?: number;
  tokens?: number;
  estimate_s?: number;
  because?: string;
}

export interface RunHead {
  run: string;
  state: string;
  live: boolean;
  seq: number;
  started_at: number;
  now: number;
  target?: string;
  counts?: Record<string, number>;
  failed?: string[];
  asking?: Record<string, string>;
  money?: number;
  tokens?: number;
  budget_money?: number | null;
  budget_tokens?: number | null;
  budget_wall_s?: number | null;
  because?: string;
}

export interface Change {
  seq: number;
  head: RunHead;
  tasks?: TaskRow[];
  gone?: string[];
  outputs?: Record<string, string[]> | null;
}

export interface Told {
  seq: number;
  type: string;
  at: number;
  text: string;
  task?: string;
}

export interface Events {
  events: Told[];
  more?: boolean;
}

export interface Past {
  tasks: string[];
  states: string[];
  seq: number[];
  at: number[];
  task: number[];
  state: number[];
  started_at: number;
  until: number;
}

export interface Value {
  kind: string;
  text?: string;
  json?: unknown;
  columns?: string[];
  rows?: unknown[][];
  total?: number;
  media?: string;
  size_bytes?: number;
  cut?: boolean;
}

export interface Outputs {
  outputs: Record<string, Value>;
}

export interface AttemptRow {
  task: string;
  number: number;
  queued_at: number;
  began_at: number;
  ended_at: number;
  outcome: string;
  where?: string;
  money?: number;
  tokens?: number;
  because?: string;
}

export interface Input {
  name: string;
  value: Value;
  sources?: string[];
}

export interface TaskPanel {
  row: TaskRow;
  story: string;
  inputs?: Input[];
  output?: Value | null;
  failure?: Record<string, unknown> | null;
  detail?: string;
  attempts?: AttemptRow[];
  waits_for?: string[];
  delays?: string[];
  children?: number;
  editable?: boolean;
  locked?: string;
  definition?: string;
  effects?: string;
  logs?: Told[];
}

export interface Timeline {
  attempts: AttemptRow[];
  critical?: ([string, number])[];
  waited_s?: number[];
}

export interface RunLine {
  run: string;
  state: string;
  created_at: number;
  updated_at: number;
  events: number;
  target?: string;
  tasks?: number | null;
  done?: number | null;
  failed?: number | null;
  money?: number | null;
  tokens?: number | null;
}

export interface RunList {
  runs: RunLine[];
  total: number;
  states?: Record<string, number>;
}

export interface Field {
  name: string;
  type?: string;
  required?: boolean;
  default?: unknown;
  description?: string;
}

export interface Form {
  target: string;
  name: string;
  description?: string;
  fields?: Field[];
}

export interface Workflow {
  target: string;
  name?: string;
  problem?: string;
}

export interface Workflows {
  folder: string;
  workflows: Workflow[];
  planners?: string[];
}

export interface Start {
  target: string;
  inputs?: Record<string, unknown>;
  run?: string;
  planner?: string;
  optimise?: boolean;
  yes?: boolean;
  budget_money?: number | null;
  budget_tokens?: number | null;
  budget_wall_s?: number | null;
}

export interface Begun {
  run: string;
}

export interface Done {
  outcome: "applied" | "sent";
  text: string;
}

export interface Reason {
  because?: string;
}

export interface Answer {
  verdict: "approve" | "deny" | "rerun";
  value?: unknown;
  comment?: string;
}

export interface Draft {
  seq: number;
  text: string;
}

export interface Edit {
  seq: number;
  text: string;
  because?: string;
  preview?: boolean;
}

export interface Fault {
  code: string;
  place: string;
  message: string;
  line?: number | null;
}

export interface Edited {
  outcome: "nothing" | "preview" | "taken" | "refused" | "unanswered";
  lines?: string[];
  faults?: Fault[];
}

export interface Refusal {
  code: string;
  message: string;
  problems?: Fault[];
}

export interface Share {
  name: string;
  tasks: number;
  attempts?: number;
  seconds?: number;
  waited_s?: number;
  queued_s?: number;
  money?: number;
  tokens?: number;
}

export interface Spending {
  seconds: number;
  money?: number;
  tokens?: number;
  duration_s?: number;
  queued_s?: number;
  by_op?: Share[];
  by_model?: Share[];
  by_device?: Share[];
  by_task?: Share[];
}

export interface Spread {
  name: string;
  mean: number;
  low?: number | null;
  high?: number | null;
  actual?: number | null;
  unit?: string;
  source?: string;
}

export interface PassDone {
  name: string;
  tasks_before: number;
  tasks_after: number;
  edges_before?: number;
  edges_after?: number;
  seconds?: number;
  notes?: string[];
  skipped?: string;
}

export interface Picture {
  tasks: TaskRow[];
}

export interface Explained {
  target: string;
  before: Picture;
  after: Picture;
  passes: PassDone[];
  foreseen: Spread[];
  rewritten: Spread[];
  tasks?: Spread[];
  median_error?: number | null;
  problem?: string;
}

export interface TaskPair {
  task: string;
  change: string;
  state_a?: string;
  state_b?: string;
  definition?: string[];
  seconds_a?: number | null;
  seconds_b?: number | null;
  money_a?: number;
  money_b?: number;
  output?: string;
}

export interface OutputPair {
  name: string;
  a?: Value | null;
  b?: Value | null;
  lines?: string[];
  same?: boolean;
}

export interface Comparison {
  a: string;
  b: string;
  totals: Spread[];
  tasks: TaskPair[];
  total: number;
  outputs?: OutputPair[];
  graph_a?: Picture | null;
  graph_b?: Picture | null;
  differing?: number;
}

export interface File {
  media: string;
  base64: string;
}

export interface Exported {
  format: string;
  version: number;
  made_at: number;
  made_by: string;
  notes: string[];
  change: Change;
  timeline: Timeline;
  past: Past;
  events: Events;
  outputs: Record<string, Value>;
  spending: Spending;
  panels: Record<string, TaskPanel>;
  files: Record<string, File>;
}

export interface DeviceRow {
  name: string;
  state: string;
  enrolled?: boolean;
  draining?: boolean;
  revoked?: boolean;
  since?: number | null;
  heard_at?: number | null;
  os?: string;
  arch?: string;
  host?: string;
  zone?: string;
  cpus?: number;
  memory_bytes?: number;
  memory_free_bytes?: number;
  gpus?: string[];
  cpu?: number;
  latency_s?: number | null;
  trust?: number | null;
  slots?: number;
  running?: string[];
  done?: number;
  failed?: number;
  held_bytes?: number;
  skills?: string[];
  tools?: string[];
}

export interface Fleet {
  devices: DeviceRow[];
  running: boolean;
  url?: string;
  text?: string;
}

export interface Enrolment {
  name: string;
  command: string;
  token: string;
}
