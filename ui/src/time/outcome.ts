const STATES: Record<string, string> = { stopped: "cancelled", lost: "interrupted", queued: "ready" };

/** How the outcome of an attempt looks: like the state that is closest. */
export const stateOf = (outcome: string): string => STATES[outcome] ?? outcome;
