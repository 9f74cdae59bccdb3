// Lays out beside the page, so that a big graph does not hold up a frame.

import { layout } from "./layout";
import { buffersOf, type Shape } from "./shape";

const scope = self as unknown as { onmessage: (event: MessageEvent<Shape>) => void; postMessage: (data: unknown, transfer: Transferable[]) => void };

scope.onmessage = ({ data }) => {
  const places = layout(data);
  scope.postMessage(places, buffersOf(places));
};
