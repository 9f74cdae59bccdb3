import { Check, Field, TextInput } from "../../parts/Field";
import { faultKey, type Options } from "./model";

interface Props {
  options: Options;
  /** By `faultKey`. */
  faults: Readonly<Record<string, string | undefined>>;
  onOptions: (options: Options) => void;
}

/** How a run is to be: its name, its limits, and whether the passes rewrite it. */
export function RunOptions({ options, faults, onOptions }: Props) {
  const set = (change: Partial<Options>) => onOptions({ ...options, ...change });
  const wrongWith = (option: keyof Options) => faults[faultKey(option)];
  const wrong = (["name", "money", "tokens", "wall"] as const).some(wrongWith);
  return (
    <details class="options" open={wrong || undefined}>
      <summary>Name, limits, optimiser</summary>
      <div class="grid">
        <Field label="Name of the run" hint="One is made up where this is empty." wrong={wrongWith("name")}>
          {(tied) => <TextInput {...tied} value={options.name} onValue={(name) => set({ name })} />}
        </Field>
        <Field label="Most money" hint="In dollars." wrong={wrongWith("money")}>
          {(tied) => <TextInput {...tied} inputMode="decimal" value={options.money} onValue={(money) => set({ money })} />}
        </Field>
        <Field label="Most tokens" wrong={wrongWith("tokens")}>
          {(tied) => <TextInput {...tied} inputMode="numeric" value={options.tokens} onValue={(tokens) => set({ tokens })} />}
        </Field>
        <Field label="Most time" hint="Such as 90 s, 10 m or 2 h." wrong={wrongWith("wall")}>
          {(tied) => <TextInput {...tied} value={options.wall} onValue={(wall) => set({ wall })} />}
        </Field>
      </div>
      <Check
        label="Optimise"
        hint="The passes rewrite the graph first: shared work is done once, models are chosen, unused tasks dropped."
        checked={options.optimise}
        onChecked={(optimise) => set({ optimise })}
      />
    </details>
  );
}
