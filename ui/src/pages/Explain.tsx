import type { Route } from "../router";
import { useTitle } from "../state/title";

export default function Explain({ route }: { route: Route }) {
  useTitle(route.run || "Explain");
  return <h1>{route.run || "Explain"}</h1>;
}
