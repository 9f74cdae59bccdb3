// A line of text with suggestions below it, from which one may choose; anything else may be typed, too.

import { useId } from "preact/hooks";
import type { Tied } from "./Field";

interface Props {
  tied: Tied;
  value: string;
  options: readonly { value: string; label?: string }[];
  onValue: (value: string) => void;
  /** Called when a value was settled on: chosen, or left with Enter or Tab. */
  onSettle?: (value: string) => void;
}

export function Suggest({ tied, value, options, onValue, onSettle }: Props) {
  const list = useId();
  return (
    <>
      <input
        {...tied}
        type="text"
        class="control"
        autocomplete="off"
        spellcheck={false}
        list={list}
        value={value}
        onInput={(event) => onValue(event.currentTarget.value)}
        onChange={(event) => onSettle?.(event.currentTarget.value)}
      />
      <datalist id={list}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </datalist>
    </>
  );
}
