import type { Route } from "../router";
import { useTitle } from "../state/title";

export default function Run({ route }: { route: Route }) {
  useTitle(route.run || "Run");
  return <h1>{route.run || "Run"}</h1>;
}
