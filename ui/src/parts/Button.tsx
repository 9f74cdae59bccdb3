import type { ComponentChildren, JSX, PartialAnchorHTMLAttributes, Ref } from "preact";
import { classes } from "./classes";
import { Icon, type IconName } from "./Icon";
import { Spinner } from "./Spinner";
import "./button.css";

type Kind = "plain" | "main" | "danger" | "quiet";

interface Props extends Omit<JSX.IntrinsicElements["button"], "icon" | "ref"> {
  kind?: Kind;
  icon?: IconName;
  /** Something is under way: it turns, and cannot be pressed again. */
  busy?: boolean;
  small?: boolean;
  children?: ComponentChildren;
  ref?: Ref<HTMLButtonElement>;
}

export function Button({ kind = "plain", icon, busy, small, children, class: more, disabled, ...rest }: Props) {
  return (
    <button
      type="button"
      {...rest}
      class={classes("button", kind, small && "small", more as string)}
      disabled={disabled || busy}
      aria-busy={busy ? "true" : undefined}
    >
      {busy ? <Spinner /> : icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

interface IconProps extends Omit<Props, "children" | "icon"> {
  icon: IconName;
  /** Its name: read aloud, and shown on hover. */
  label: string;
  /** Whether it is switched on, for one that switches. */
  pressed?: boolean;
}

/** A button that shows an icon only. */
export function IconButton({ icon, label, kind = "quiet", busy, small, pressed, class: more, disabled, ...rest }: IconProps) {
  return (
    <button
      type="button"
      title={label}
      {...rest}
      class={classes("button", "bare", kind, small && "small", more as string)}
      aria-label={label}
      aria-pressed={pressed}
      disabled={disabled || busy}
      aria-busy={busy ? "true" : undefined}
    >
      {busy ? <Spinner /> : <Icon name={icon} />}
    </button>
  );
}

/** A link that looks like a button. */
export function LinkButton({ kind = "plain", icon, small, children, class: more, ...rest }: LinkProps) {
  return (
    <a {...rest} class={classes("button", kind, small && "small", more as string)}>
      {icon && <Icon name={icon} />}
      {children}
    </a>
  );
}

interface LinkProps extends Omit<PartialAnchorHTMLAttributes<HTMLAnchorElement>, "role" | "icon"> {
  href: string;
  kind?: Kind;
  icon?: IconName;
  small?: boolean;
  children?: ComponentChildren;
}
