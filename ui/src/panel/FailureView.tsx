import { IconButton } from "../parts/Button";
import { copy } from "../values/copy";

interface Fault {
  type: string;
  message: string;
  code: string;
  severity: string;
}

const DEEPEST = 20;

/** What went wrong, and what led to it: the failure and its causes, the outermost first. */
export function FailureView({ failure, detail }: { failure: Record<string, unknown>; detail: string }) {
  const chain = chainOf(failure);
  return (
    <div class="failure">
      {chain.map((fault, i) => (
        <div key={i} class="fault-of-chain">
          <p class="message">
            {i > 0 && <span class="led">caused by </span>}
            <strong>{fault.type}</strong>: {fault.message}
          </p>
          <p class="hint">{[fault.code && `code ${fault.code}`, SEVERITIES[fault.severity] ?? fault.severity].filter(Boolean).join(" · ")}</p>
        </div>
      ))}
      {detail && (
        <details>
          <summary>Detail</summary>
          <div class="definition">
            <pre tabIndex={0} aria-label="Detail of the failure">
              {detail}
            </pre>
            <IconButton icon="copy" small label="Copy the detail" onClick={() => void copy(detail)} />
          </div>
        </details>
      )}
    </div>
  );
}

const SEVERITIES: Record<string, string> = {
  transient: "may be tried again",
  permanent: "would fail again",
  "effect-unknown": "whether it took effect is not known",
};

function chainOf(failure: Record<string, unknown>): Fault[] {
  const chain: Fault[] = [];
  for (let one: unknown = failure; isRecord(one) && chain.length < DEEPEST; one = one.cause) {
    chain.push({ type: text(one.type), message: text(one.message), code: text(one.code), severity: text(one.severity) });
  }
  return chain;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

const text = (value: unknown): string => (typeof value === "string" ? value : "");
