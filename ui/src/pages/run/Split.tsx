// A main part and one at its side, with a bar between them that moves by hand and by keys. Where it is stays remembered. In a
// narrow window the side is a sheet over the main part.

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

const KEY = "orrery.panel-width";
const LEAST_PX = 280;
const FIRST_PX = 440;
const STEP_PX = 24;

interface Props {
  side: ComponentChildren;
  /** What the side is, for a screen reader. */
  label: string;
  children: ComponentChildren;
}

export function Split({ side, label, children }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(remembered);
  const most = () => Math.max(LEAST_PX, (place.current?.clientWidth ?? 1200) - 320);
  const move = (to: number) => {
    const next = Math.round(Math.min(most(), Math.max(LEAST_PX, to)));
    setWidth(next);
    remember(next);
  };
  const drag = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId) || !place.current) return;
    move(place.current.getBoundingClientRect().right - event.clientX);
  };
  const main = useRef<HTMLDivElement>(null);
  const aside = useRef<HTMLElement>(null);
  const last = useRef<EventTarget | null>(null);
  // What had the focus at the side may go as it shows something else, or closes: the focus stays there, or goes back.
  const wasThere = aside.current?.contains(document.activeElement) ?? false;
  useLayoutEffect(() => {
    if (!wasThere || document.activeElement !== document.body) return;
    const back = last.current instanceof HTMLElement && last.current.isConnected ? last.current : main.current;
    (aside.current ?? back)?.focus({ preventScroll: true });
  });
  useEffect(() => {
    if (side && width > most()) setWidth(most());
  }, [Boolean(side)]);
  return (
    <div class="split" ref={place}>
      <div class="split-main" ref={main} tabIndex={-1} onFocusIn={({ target }) => (last.current = target)}>
        {children}
      </div>
      {side && (
        <>
          <div
            class="split-bar"
            role="separator"
            aria-orientation="vertical"
            aria-label={`Width of the ${label.toLowerCase()}`}
            aria-valuenow={width}
            aria-valuemin={LEAST_PX}
            aria-valuemax={place.current ? most() : undefined}
            tabIndex={0}
            onPointerDown={(event) => {
              event.preventDefault();
              event.currentTarget.setPointerCapture(event.pointerId);
            }}
            onPointerMove={drag}
            onKeyDown={(event) => {
              const to = { ArrowLeft: width + STEP_PX, ArrowRight: width - STEP_PX, Home: LEAST_PX, End: most() }[event.key];
              if (to === undefined) return;
              event.preventDefault();
              event.stopPropagation();
              move(to);
            }}
            onDblClick={() => move(FIRST_PX)}
          />
          <aside class="split-side" ref={aside} tabIndex={-1} aria-label={label} style={{ flexBasis: `${width}px` }}>
            {side}
          </aside>
        </>
      )}
    </div>
  );
}

function remembered(): number {
  try {
    const width = Number(localStorage.getItem(KEY));
    return Number.isFinite(width) && width >= LEAST_PX ? width : FIRST_PX;
  } catch {
    return FIRST_PX; // storage may be forbidden
  }
}

function remember(width: number): void {
  try {
    localStorage.setItem(KEY, String(width));
  } catch {
    // It is only as it was next time.
  }
}
