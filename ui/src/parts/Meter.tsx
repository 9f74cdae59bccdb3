import { classes } from "./classes";
import "./meter.css";

interface Props {
  /** In [0, 1]. */
  share: number;
  /** What it measures, for a screen reader. */
  label: string;
  /** A variable of theme.css. */
  colour?: string;
  small?: boolean;
}

/** How far something is, as a bar. */
export function Meter({ share, label, colour = "--accent", small }: Props) {
  const percent = Math.min(100, Math.max(0, share * 100));
  return (
    <div
      class={classes("meter", small && "small")}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(percent)}
    >
      <div style={{ width: `${percent}%`, background: `var(${colour})` }} />
    </div>
  );
}
