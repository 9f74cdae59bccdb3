// Save the graph as it is looked at.

import { Menu } from "../../parts/Menu";
import { toastError } from "../../parts/Toast";
import type { GraphCanvas } from "../canvas/GraphCanvas";
import { pngOf, svgOf } from "./picture";

export function ExportMenu({ canvas, name }: { canvas: GraphCanvas | null; name: string }) {
  const save = async (ending: "svg" | "png") => {
    if (!canvas) return;
    try {
      const blob = ending === "png" ? await pngOf(canvas.scene) : new Blob([svgOf(canvas.scene, name)], { type: "image/svg+xml" });
      keep(blob, `${fileName(name)}.${ending}`);
    } catch (error) {
      toastError(error);
    }
  };
  return (
    <Menu
      label="Save the graph"
      icon="save"
      items={[
        { id: "svg", label: "Save as SVG", onChoose: () => void save("svg") },
        { id: "png", label: "Save as PNG", onChoose: () => void save("png") },
      ]}
    />
  );
}

const fileName = (name: string): string => name.replace(/[^\w.-]+/g, "-").slice(0, 80) || "graph";

/** Hand a file to the browser, to be kept where it keeps files. */
function keep(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // It is read by then, or never.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
