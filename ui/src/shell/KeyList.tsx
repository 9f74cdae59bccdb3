import { Dialog } from "../parts/Dialog";
import { groups } from "../parts/keys";

/** Every key that works now, by what offers it. */
export function KeyList({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" read onClose={onClose}>
      {groups.value.map((group) => (
        <section key={group.name} class="keylist">
          <h3>{group.name}</h3>
          <dl>
            {group.keys.map((key) => (
              <div key={key.press}>
                <dt>
                  <Keys press={key.press} />
                </dt>
                <dd>{key.does}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Dialog>
  );
}

const isApple = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.userAgent);
const NAMES: Record<string, string> = {
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  " ": "Space",
  Escape: "Esc",
};

/** Keys as they are printed: "g r", "Mod+k". */
export function Keys({ press }: { press: string }) {
  const keys = press === " " ? [press] : press.split(" ").flatMap((one) => (one.length > 1 ? one.split("+") : [one]));
  return (
    <span class="keys">
      {keys.map((key) => (
        <kbd key={key}>{key === "Mod" ? (isApple ? "⌘" : "Ctrl") : (NAMES[key] ?? key)}</kbd>
      ))}
    </span>
  );
}
