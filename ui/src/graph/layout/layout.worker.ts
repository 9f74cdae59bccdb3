// Lays out beside the page, so that a big graph does not hold up a frame.

import { layout } from "./layout";
import { buffersOf, type Layout, type Shape } from "./shape";

/** What is used of the scope of a worker, which the types of a page lack. */
interface Scope {
  onmessage: (event: MessageEvent<Shape>) => void;
  postMessage: (data: Layout, transfer: Transferable[]) => void;
}

const scope = self as unknown as Scope;

scope.onmessage = ({ data }) => {
  const found = layout(data);
  scope.postMessage(found, buffersOf(found));
};
