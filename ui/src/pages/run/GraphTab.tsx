// The graph of a run as it is, or as it was at the moment that the slider is at.

import { useSignalEffect } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { GraphView } from "../../graph/GraphView";
import { setQuery } from "../../router";
import { PastBanner, Replay } from "../../time/Replay";
import type { Travel } from "../../time/travel";

interface Props {
  travel: Travel;
  /** The event that the address names. */
  at: string;
  selected: string | null;
  onSelect: (task: string | null) => void;
}

export function GraphTab({ travel, at, selected, onSelect }: Props) {
  useEffect(() => {
    const seq = Number(at);
    void travel.goToEvent(at !== "" && Number.isSafeInteger(seq) && seq >= 0 ? seq : null);
  }, [travel, at]);
  const [isShown, setIsShown] = useState(false);
  // The address follows once a moment has been looked at for a while: not every step of a play is one.
  useSignalEffect(() => {
    const seq = travel.seq.value;
    if (travel.isPlaying.value) return;
    const timer = setTimeout(() => setQuery({ at: seq }), 300);
    return () => clearTimeout(timer);
  });
  return (
    <div class="graph-tab">
      <PastBanner travel={travel} />
      <div class="graph-place">
        <GraphView store={travel.source.value} selected={selected} onSelect={onSelect} name={travel.store.run} onShown={() => setIsShown(true)} />
      </div>
      <Replay travel={travel} isNext={isShown} />
    </div>
  );
}
