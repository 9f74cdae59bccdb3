// Form controls: each with its label, a hint, and what is wrong with it, tied together for a screen reader.

import type {
  ComponentChildren,
  PartialInputHTMLAttributes,
  PartialSelectHTMLAttributes,
  TextareaHTMLAttributes,
} from "preact";
import { useId } from "preact/hooks";
import { classes } from "./classes";
import "./field.css";

/** What a control takes to belong to its field. */
export interface Tied {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": boolean | undefined;
}

interface Props {
  label: ComponentChildren;
  hint?: ComponentChildren;
  /** What is wrong; nothing is where it is empty. */
  wrong?: string;
  required?: boolean;
  /** The control, given what ties it to its label. */
  children: (tied: Tied) => ComponentChildren;
}

export function Field({ label, hint, wrong, required, children }: Props) {
  const id = useId();
  const described = [hint && `${id}-hint`, wrong && `${id}-wrong`].filter(Boolean).join(" ");
  return (
    <div class={classes("field", wrong && "faulty")}>
      <label for={id}>
        {label}
        {required && (
          <span class="needed" title="needed">
            <span aria-hidden="true">*</span>
            <span class="unseen"> needed</span>
          </span>
        )}
      </label>
      {children({ id, "aria-describedby": described || undefined, "aria-invalid": wrong ? true : undefined })}
      {hint && (
        <div class="hint" id={`${id}-hint`}>
          {hint}
        </div>
      )}
      {wrong && (
        <div class="fault" id={`${id}-wrong`} role="alert">
          {wrong}
        </div>
      )}
    </div>
  );
}

type Spoken<Props> = Omit<Props, "onInput" | "onChange" | "value" | "type" | "role" | "size"> & {
  value: string;
  onValue: (value: string) => void;
};

type InputProps = Spoken<PartialInputHTMLAttributes<HTMLInputElement>> & {
  /** The id of a datalist with what one may want. */
  list?: string;
};

/** A line of text. */
export function TextInput({ value, onValue, class: more, ...rest }: InputProps) {
  return (
    <input
      type="text"
      autocomplete="off"
      spellcheck={false}
      {...rest}
      class={classes("control", more as string)}
      value={value}
      onInput={(event) => onValue(event.currentTarget.value)}
    />
  );
}

/** Several lines of text; it grows with what is in it. */
export function TextArea({ value, onValue, class: more, ...rest }: Spoken<TextareaHTMLAttributes<HTMLTextAreaElement>>) {
  return (
    <textarea
      spellcheck={false}
      {...rest}
      class={classes("control", more as string)}
      value={value}
      onInput={(event) => onValue(event.currentTarget.value)}
    />
  );
}

interface Option {
  value: string;
  label: string;
}

/** One of several. */
export function Select({
  value,
  onValue,
  options,
  class: more,
  ...rest
}: Spoken<PartialSelectHTMLAttributes<HTMLSelectElement>> & { options: readonly Option[] }) {
  return (
    <select
      {...rest}
      class={classes("control", more as string)}
      value={value}
      onChange={(event) => onValue(event.currentTarget.value)}
    >
      {options.map((option) => (
        <option key={option.value} value={option.value}>
          {option.label}
        </option>
      ))}
    </select>
  );
}

interface CheckProps {
  checked: boolean;
  onChecked: (checked: boolean) => void;
  label: ComponentChildren;
  hint?: ComponentChildren;
  disabled?: boolean;
}

/** Yes or no. */
export function Check({ checked, onChecked, label, hint, disabled }: CheckProps) {
  const id = useId();
  return (
    <div class="check">
      <input
        type="checkbox"
        id={id}
        checked={checked}
        disabled={disabled}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onChange={(event) => onChecked(event.currentTarget.checked)}
      />
      <div>
        <label for={id}>{label}</label>
        {hint && (
          <div class="hint" id={`${id}-hint`}>
            {hint}
          </div>
        )}
      </div>
    </div>
  );
}
