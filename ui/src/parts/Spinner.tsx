import "./spinner.css";

/** Something is under way. With a label it is read aloud, else it only turns. */
export function Spinner({ label }: { label?: string }) {
  return (
    <span class="spinner" role={label ? "status" : undefined}>
      <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="8" cy="8" r="6" />
        <circle class="body" cx="8" cy="2" r="2" />
      </svg>
      {label && <span>{label}</span>}
    </span>
  );
}
