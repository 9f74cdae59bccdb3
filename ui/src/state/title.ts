import { useEffect } from "preact/hooks";

/** The document's title, as long as the component is shown. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} · Orrery` : "Orrery";
  }, [title]);
}
