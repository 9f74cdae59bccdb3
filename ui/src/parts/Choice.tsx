// One of a few, all of them in view: radio buttons that look like one button in parts.

import { useId } from "preact/hooks";
import "./choice.css";

interface Props<Id extends string> {
  /** What is chosen, for a screen reader. */
  label: string;
  options: readonly { id: Id; label: string }[];
  chosen: Id;
  onChoose: (id: Id) => void;
}

export function Choice<Id extends string>({ label, options, chosen, onChoose }: Props<Id>) {
  const name = useId();
  return (
    <div class="choice" role="radiogroup" aria-label={label}>
      {options.map((option) => (
        <label key={option.id}>
          <input type="radio" name={name} checked={option.id === chosen} onChange={() => onChoose(option.id)} />
          <span>{option.label}</span>
        </label>
      ))}
    </div>
  );
}
