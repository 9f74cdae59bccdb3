import type { Fault, Refusal } from "./types";

/** The server refused: a stable code, a sentence, and each thing that is wrong. */
export class ApiRefused extends Error {
  readonly code: string;
  readonly problems: readonly Fault[];
  readonly status: number;

  constructor(status: number, refusal: Partial<Refusal>) {
    super(refusal.message || `the server answered ${status}`);
    this.name = "ApiRefused";
    this.status = status;
    this.code = refusal.code || `http-${status}`;
    this.problems = refusal.problems ?? [];
  }
}

/** No answer came at all: the server has ended, or the network is away. */
export class Unreachable extends Error {
  constructor() {
    super("The server does not answer. Is `orrery ui` still running?");
    this.name = "Unreachable";
  }
}

/** Whether a request was given up by whoever made it, which is no failure. */
export const wasAborted = (error: unknown): boolean => error instanceof DOMException && error.name === "AbortError";
