import { afterEach, expect, it, vi } from "vitest";
import { askAhead, rowsAfter } from "./ahead";
import { Unreachable } from "./refused";

const asked: string[] = [];

function serve(answer: () => Response): void {
  vi.stubGlobal("document", { baseURI: "http://here/" });
  vi.stubGlobal("fetch", (address: string) => {
    asked.push(address.replace("http://here/api", ""));
    return Promise.resolve(answer());
  });
}

afterEach(() => {
  asked.length = 0;
  vi.unstubAllGlobals();
});

it("is asked once, and taken once", async () => {
  serve(() => Response.json({ seq: 7 }));
  askAhead("a");
  expect((await rowsAfter("a", 0)).seq).toBe(7);
  expect(asked).toEqual(["/runs/a/rows"]);
  await rowsAfter("a", 0);
  expect(asked.length).toBe(2);
});

it("is for no other run, and for none that is known already", async () => {
  serve(() => Response.json({ seq: 7 }));
  askAhead("a");
  await rowsAfter("b", 0);
  askAhead("a");
  await rowsAfter("a", 7);
  expect(asked).toEqual(["/runs/a/rows", "/runs/b/rows", "/runs/a/rows", "/runs/a/rows?after=7"]);
});

it("tells whoever takes it that there was no answer", async () => {
  serve(() => Response.json({}));
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no network")));
  askAhead("a");
  await expect(rowsAfter("a", 0)).rejects.toThrow(Unreachable);
});
