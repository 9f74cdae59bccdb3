import { expect, it } from "vitest";
import { firstLoads } from "./budget";

type Bundle = Parameters<typeof firstLoads>[0];

const chunk = (name: string, imports: string[], more: object = {}) => ({
  type: "chunk",
  name,
  fileName: name,
  imports,
  dynamicImports: [],
  isEntry: false,
  code: name.repeat(500),
  ...more,
});

it("counts what a page needs once, and not what comes later", () => {
  const files = [
    chunk("entry", ["shared"], { isEntry: true, dynamicImports: ["light", "heavy"] }),
    chunk("shared", []),
    chunk("light", ["shared"]),
    chunk("heavy", ["shared", "more"], { dynamicImports: ["later"] }),
    chunk("more", ["shared"], { code: Array.from({ length: 4000 }, (_, at) => (at * 7919) % 9973).join() }),
    chunk("later", [], { code: Array.from({ length: 9000 }, (_, at) => (at * 7919) % 9973).join() }),
  ];
  const [light, heavy] = firstLoads(Object.fromEntries(files.map((file) => [file.fileName, file])) as unknown as Bundle);
  expect([light?.page, heavy?.page]).toEqual(["light", "heavy"]);
  expect(light!.bytes).toBeLessThan(200);
  expect(heavy!.bytes).toBeGreaterThan(5000);
  expect(heavy!.bytes).toBeLessThan(20_000);
});
