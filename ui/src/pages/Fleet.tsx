import type { Route } from "../router";
import { useTitle } from "../state/title";

export default function Fleet({ route }: { route: Route }) {
  useTitle(route.run || "Fleet");
  return <h1>{route.run || "Fleet"}</h1>;
}
