import { Logo } from "../parts/Logo";
import { Button } from "../parts/Button";
import { useTitle } from "../state/title";

/** Shown where the server does not know this browser. */
export function Locked() {
  useTitle("Locked");
  return (
    <main class="locked">
      <Logo size={56} />
      <h1>This browser has no key to this server</h1>
      <p>
        The link that <code>orrery ui</code> prints has one in it. Where the server runs, ask for it again:
      </p>
      <pre>orrery ui --link</pre>
      <p>and open what it prints in this browser. Nothing was lost: runs go on whether somebody looks or not.</p>
      <Button onClick={() => location.reload()}>Try again</Button>
    </main>
  );
}
