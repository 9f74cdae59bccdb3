import { useTitle } from "../state/title";

export default function Runs() {
  useTitle("Runs");
  return <h1>Runs</h1>;
}
