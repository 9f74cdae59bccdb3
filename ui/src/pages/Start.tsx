import { useTitle } from "../state/title";

export default function Start() {
  useTitle("Start");
  return <h1>Start</h1>;
}
