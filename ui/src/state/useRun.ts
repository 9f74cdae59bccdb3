import { useEffect, useMemo } from "preact/hooks";
import { follow } from "../api/stream";
import { RunStore } from "./run";

/** The store of a run, which follows it as long as the component is shown. */
export function useRun(run: string): RunStore {
  const store = useMemo(() => new RunStore(run), [run]);
  useEffect(() => follow(store), [store]);
  return store;
}
