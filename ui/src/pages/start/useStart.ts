import { useRef, useState } from "preact/hooks";
import { ApiRefused, start, wasAborted } from "../../api/calls";
import type { Field, Start } from "../../api/types";
import { toast } from "../../parts/Toast";
import { go, hrefOfRun } from "../../router";
import { faultKey, faultsOf, nameFor } from "./model";

export interface Starting {
  busy: boolean;
  /** What is wrong, by the name of the field. */
  faults: Readonly<Record<string, string>>;
  /** What is wrong with no field in particular. */
  wrong: readonly string[];
  /** Begin the run and go to it; with an empty name the page makes one. */
  begin: (said: Start, fields?: readonly Field[]) => Promise<void>;
}

/**
 * Begins a run once, however often it is asked to. The name that the page makes stays the same until a run was begun:
 * where an answer was lost and the request is sent again, a run of that name is the one that was begun.
 */
export function useStart(): Starting {
  const [busy, setBusy] = useState(false);
  const [faults, setFaults] = useState<Readonly<Record<string, string>>>({});
  const [wrong, setWrong] = useState<readonly string[]>([]);
  const made = useRef({ text: "", name: "" });
  const under = useRef(false);
  const begin = async (said: Start, fields: readonly Field[] = []) => {
    if (under.current) return;
    under.current = true;
    setBusy(true);
    setFaults({});
    setWrong([]);
    const text = JSON.stringify(said);
    if (made.current.text !== text) made.current = { text, name: nameFor(said.target, new Date(), Math.random) };
    const run = said.run || made.current.name;
    try {
      arrive((await start({ ...said, run })).run);
    } catch (error) {
      if (wasAborted(error)) return;
      if (error instanceof ApiRefused && error.code === "run-exists" && !said.run) arrive(run);
      else if (error instanceof ApiRefused && ["run-exists", "run-name"].includes(error.code)) {
        setFaults({ [faultKey("name")]: error.message });
      } else if (error instanceof ApiRefused) {
        const { faults, rest } = faultsOf(error.problems, fields);
        setFaults(faults);
        setWrong(Object.keys(faults).length && !rest.length ? [] : [error.message, ...rest.filter((one) => one !== error.message)]);
      } else setWrong([error instanceof Error ? error.message : String(error)]);
    } finally {
      under.current = false;
      setBusy(false);
    }
  };
  const arrive = (run: string) => {
    made.current = { text: "", name: "" };
    toast(`Run ${run} has begun.`);
    go(hrefOfRun(run));
  };
  return { busy, faults, wrong, begin };
}
