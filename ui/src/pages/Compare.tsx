import type { Route } from "../router";
import { useTitle } from "../state/title";

export default function Compare({ route }: { route: Route }) {
  useTitle(route.run || "Compare");
  return <h1>{route.run || "Compare"}</h1>;
}
