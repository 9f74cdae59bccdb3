import type { ComponentChildren } from "preact";
import "./empty.css";

/** Stands where there is nothing: says so, and what one can do about it. */
export function Empty({ title, children, action }: { title: string; children?: ComponentChildren; action?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children && <div class="words">{children}</div>}
      {action && <div class="actions">{action}</div>}
    </div>
  );
}
