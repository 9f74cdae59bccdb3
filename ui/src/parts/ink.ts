// The colours of the page as a canvas takes them.

export interface Ink {
  colour(variable: string): string;
  hatch(context: CanvasRenderingContext2D, variable: string): CanvasPattern | string;
}

/** The colours of the page as a canvas takes them; made anew when the theme changes. */
export function inkOf(place: HTMLElement): Ink {
  const colours = new Map<string, string>();
  const hatches = new Map<string, CanvasPattern | string>();
  const colour = (variable: string): string => {
    const known = colours.get(variable);
    if (known) return known;
    const probe = document.createElement("span");
    probe.style.color = `var(${variable})`;
    place.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    colours.set(variable, found);
    return found;
  };
  return {
    colour,
    hatch(context, variable) {
      const known = hatches.get(variable);
      if (known) return known;
      const made = hatched(context, colour(variable));
      hatches.set(variable, made);
      return made;
    },
  };
}

function hatched(context: CanvasRenderingContext2D, colour: string): CanvasPattern | string {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 6;
  const ink = tile.getContext("2d");
  if (!ink) return colour;
  ink.strokeStyle = colour;
  ink.globalAlpha = 0.55;
  ink.beginPath();
  for (const shift of [-6, 0, 6]) {
    ink.moveTo(shift, 6);
    ink.lineTo(shift + 6, 0);
  }
  ink.stroke();
  return context.createPattern(tile, "repeat") ?? colour;
}
