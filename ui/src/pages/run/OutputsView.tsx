// What a run returns, each output as what it is, with the tasks that it comes from.

import { outputs, valueAddress } from "../../api/calls";
import { Empty } from "../../parts/Empty";
import { hasEnded } from "../../parts/states";
import { Spinner } from "../../parts/Spinner";
import { TaskLinks } from "../../panel/TaskLinks";
import { usePolled } from "../../state/polled";
import type { RunStore } from "../../state/run";
import { ValueView } from "../../values/ValueView";

const EVERY_MS = 3000;

export function OutputsView({ store, onSelect }: { store: RunStore; onSelect: (task: string) => void }) {
  const ended = hasEnded(store.head.value?.state ?? "");
  return <Shown key={String(ended)} store={store} ended={ended} onSelect={onSelect} />;
}

function Shown({ store, ended, onSelect }: { store: RunStore; ended: boolean; onSelect: (task: string) => void }) {
  const { value, error } = usePolled((signal) => outputs(store.run, signal), store.run, ended ? 0 : EVERY_MS);
  const found = value.value;
  if (!found) {
    if (!error.value) return <Spinner label="Reading the outputs" />;
    return <Empty title="The outputs cannot be shown">{String((error.value as Error).message ?? error.value)}</Empty>;
  }
  const names = [...new Set([...Object.keys(store.outputs), ...Object.keys(found.outputs)])];
  if (names.length === 0) return <Empty title={ended ? "The run returned nothing" : "The run returns nothing by name"} />;
  return (
    <div class="outputs">
      {names.map((name) => {
        const output = found.outputs[name];
        const sources = store.outputs[name] ?? [];
        return (
          <section key={name}>
            <h2>
              {name}
              {sources.length > 0 && (
                <span class="sources">
                  from <TaskLinks tasks={sources} store={store} onSelect={onSelect} inline />
                </span>
              )}
            </h2>
            {output ? (
              <ValueView value={output} whole={hasBytes(output.kind) ? valueAddress(store.run, { output: name }) : ""} label={`output ${name}`} />
            ) : (
              <p class="quiet-text">{ended ? "It never came." : "Not there yet."}</p>
            )}
          </section>
        );
      })}
    </div>
  );
}

const hasBytes = (kind: string): boolean => kind !== "none" && kind !== "error";
