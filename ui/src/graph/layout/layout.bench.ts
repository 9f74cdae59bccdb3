// How long a layout takes: of graphs as they are opened, and as they grow.  npx vitest bench src/graph

import { bench, describe } from "vitest";
import { layout } from "./layout";
import { firstOf, placed, sample } from "./samples";

const QUICK = { iterations: 20, warmupIterations: 5, time: 0, warmupTime: 0 };

for (const [name, reach] of [["wide", 10_000], ["long", 60]] as const) {
  describe(`10,000 tasks, ${name}`, () => {
    const whole = sample(10_000, 1, reach);
    const part = firstOf(whole, 9900);
    const grown = placed(whole, layout(part));
    bench("as they are opened", () => void layout(whole), QUICK);
    bench("100 more", () => void layout(grown), QUICK);
  });
}

describe("layers of thousands", () => {
  const whole = { ...sample(10_000, 1), edges: Int32Array.from({ length: 19_998 }, (_, i) => (i % 2 ? (i + 1) / 2 : i < 9998 ? 0 : 1)) };
  whole.owner.fill(-1);
  const grown = placed(whole, layout(firstOf(whole, 9900)));
  bench("as they are opened", () => void layout(whole), QUICK);
  bench("100 more", () => void layout(grown), QUICK);
});
