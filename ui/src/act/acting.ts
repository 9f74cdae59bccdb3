// What a button does to a run: it is under way until the server has said what became of it, then a word says so.

import { useRef, useState } from "preact/hooks";
import { ApiRefused } from "../api/refused";
import type { Begun, Done } from "../api/types";
import { toast } from "../parts/Toast";
import { go, hrefOfRun } from "../router";

export interface Acting {
  /** The name of what is under way; "" where nothing is. */
  busy: string;
  /** Why the last one did not happen. */
  wrong: string;
  /** Do it unless something is under way; whether it happened. */
  act: (name: string, does: () => Promise<Done | Begun>) => Promise<boolean>;
}

export function useActing(): Acting {
  const [busy, setBusy] = useState("");
  const [wrong, setWrong] = useState("");
  const underWay = useRef(false);
  const act = async (name: string, does: () => Promise<Done | Begun>): Promise<boolean> => {
    if (underWay.current) return false;
    underWay.current = true;
    setBusy(name);
    setWrong("");
    try {
      told(await does());
      return true;
    } catch (error) {
      setWrong(reasonOf(error));
      return false;
    } finally {
      underWay.current = false;
      setBusy("");
    }
  };
  return { busy, wrong, act };
}

/** What became of a word to a run; a run that was begun is opened. */
function told(said: Done | Begun): void {
  if ("text" in said) return toast(said.text);
  const href = hrefOfRun(said.run);
  if (location.hash.split("?")[0]?.split("/").slice(0, 3).join("/") === href) return toast("The run goes on");
  toast(`Run ${said.run} has begun`);
  go(href);
}

/** Why something was refused, with each thing that is wrong. */
export function reasonOf(error: unknown): string {
  if (error instanceof ApiRefused && error.problems.length) {
    const more = error.problems.map(({ message }) => message).filter((message) => !error.message.includes(message));
    return [error.message, ...more].join("\n");
  }
  return error instanceof Error ? error.message : String(error);
}
