"""What a screen reader would miss, as axe-core finds it; and the contrast of colours that are drawn on a canvas."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from playwright.sync_api import Page

AXE = Path(__file__).parents[3] / "ui" / "node_modules" / "axe-core" / "axe.min.js"
_GRAVE = ("serious", "critical")


@cache
def _source() -> str:
    return AXE.read_text(encoding="utf-8")


def violations(page: Page, *rules: str) -> list[str]:
    """What is serious or critical on the page as it is, each with where; contrast below 4.5 is serious.

    Args:
        rules: ask for these alone, such as "color-contrast"; for all unless given.
    """
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(_source())
    found = page.evaluate(
        """async (rules) => {
            const runOnly = rules.length ? { runOnly: rules } : {};
            const { violations } = await axe.run(document, { resultTypes: ["violations"], ...runOnly });
            const told = ({ target, failureSummary }) =>
                `${target.join(" ")}: ${failureSummary.replaceAll("\\n", " ")}`;
            return violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.map(told) }));
        }""",
        rules,
    )
    return [f"{one['id']}: {node}" for one in found if one["impact"] in _GRAVE for node in one["nodes"]]


def contrasts(page: Page, colours: list[str], surfaces: list[str]) -> dict[str, float]:
    """The contrast of colours on others, each as CSS has it, by "colour on surface", as WCAG 2 counts it."""
    return page.evaluate(  # type: ignore[no-any-return]
        """([colours, surfaces]) => {
            const probe = document.body.appendChild(document.createElement("i"));
            probe.style.setProperty("transition", "none", "important");
            const luminance = (colour) => {
                probe.style.color = "";
                probe.style.color = colour;
                const said = getComputedStyle(probe).color;
                const most = said.startsWith("rgb") ? 255 : 1; // else it is color(srgb ...)
                const parts = said.replace("srgb", "").match(/[\\d.]+/g).slice(0, 3).map((part) => part / most);
                const [r, g, b] = parts.map((part) =>
                    part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const found = {};
            for (const colour of colours) for (const surface of surfaces) {
                const [high, low] = [luminance(colour), luminance(surface)].sort((a, b) => b - a);
                found[`${colour} on ${surface}`] = (high + 0.05) / (low + 0.05);
            }
            probe.remove();
            return found;
        }""",
        [colours, surfaces],
    )


__all__ = ["AXE", "contrasts", "violations"]
