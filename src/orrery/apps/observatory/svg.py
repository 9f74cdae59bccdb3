"""The little of SVG that the charts need: elements as text, scales, round steps, short numbers and paths."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple


class Scale(NamedTuple):
    """From a value in [0, most] to a place in [begin, end]; `power` < 1 spreads the small ones."""

    most: float
    begin: float
    end: float
    power: float = 1.0

    def __call__(self, value: float) -> float:
        share = min(1.0, max(0.0, value / self.most)) if self.most > 0 else 0.0
        return self.begin + (self.end - self.begin) * math.pow(share, self.power)


def chart(width: float, height: float, parts: Iterable[str], *, title: str) -> str:
    """A chart of its parts; `title` is what a screen reader says."""
    return (
        f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {num(width)} {num(height)}" '
        f'role="img" aria-label="{escape(title)}" style="max-width:{num(round(width * 1.15))}px">{"".join(parts)}</svg>'
    )


def el(name: str, inner: str = "", *, cls: str = "", tip: str = "", style: str = "", **attributes: float | str) -> str:
    """An element; `inner` is markup, `tip` is shown under the pointer."""
    words = [name]
    words += [f'class="{cls}"'] if cls else []
    words += [f'style="{style}"'] if style else []
    words += [
        f'{key.replace("_", "-")}="{escape(value) if isinstance(value, str) else num(value)}"'
        for key, value in attributes.items()
    ]
    return f"<{' '.join(words)}>{f'<title>{escape(tip)}</title>' if tip else ''}{inner}</{name}>"


def label(x: float, y: float, text: str, cls: str = "", style: str = "") -> str:
    """Text at a place."""
    return el("text", escape(text), cls=cls, style=style, x=x, y=y)


def line(x1: float, y1: float, x2: float, y2: float, cls: str) -> str:
    """A straight line."""
    return el("line", cls=cls, x1=x1, y1=y1, x2=x2, y2=y2)


def heat(share: float) -> str:
    """The style of something between cool (0) and hot (1), in the colours of the theme."""
    return f"fill:color-mix(in oklab,var(--cool),var(--hot) {100 * min(1.0, max(0.0, share)):.0f}%)"


def steps(most: float, about: int = 4) -> list[float]:
    """Round numbers from 0 to `most` at steps of 1, 2 or 5 times a power of ten."""
    if most <= 0:
        return [0.0]
    rough = most / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    return [step * number for number in range(int(most / step + 1e-9) + 1)]


def num(value: float) -> str:
    """A number as short as it can be at a hundredth."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def points(places: Sequence[tuple[float, float]]) -> str:
    """Places as the points of a polyline."""
    return " ".join(f"{num(x)},{num(y)}" for x, y in places)


def fit(text: str, width: float, *, char: float = 6.4) -> str:
    """The text cut to a width, at its front: of a path the end says most."""
    room = int(width / char)
    return text if len(text) <= room else ("…" + text[len(text) - room + 1 :] if room > 3 else "")
