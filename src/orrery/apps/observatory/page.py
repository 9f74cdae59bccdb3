"""The report as one HTML page that needs nothing else: no script, no font, no request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files as package_files

from orrery.apps.observatory import charts
from orrery.apps.observatory.account import Account
from orrery.apps.observatory.findings import Findings
from orrery.apps.observatory.timeline import legend, timeline


def style(name: str) -> str:
    """One of the style sheets that lie beside this module."""
    return package_files(__package__).joinpath(name).read_text(encoding="utf-8")


def html_page(findings: Findings, account: Account | None) -> str:
    """The page; without an account it says nothing of the run that made it."""
    name = findings["name"]
    sections = [_run(account) if account is not None else "", _change(findings), _made_of(findings)]
    sections += [_pair(_order(findings), f"<div>{_past(findings)}{_machine(findings)}</div>")]
    sections += [_pair(_twice(findings), _packages(findings))]
    notes = "".join(f"<li>{escape(note)}</li>" for note in findings["notes"])
    body = "".join(
        [_head(findings, name), *sections, f'<ul class="notes">{notes}</ul>' if notes else "", _foot(account)]
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(name)}, seen by Orrery</title><style>{style('chart.css')}{style('page.css')}</style></head>"
        f"<body>{body}</body></html>\n"
    )


def _head(findings: Findings, name: str) -> str:
    history = findings["history"]
    told = f"<b>{len(findings['files']):,}</b> files with <b>{findings['lines']:,}</b> lines"
    if history is not None:
        people = "one author" if history["authors"] == 1 else f"{history['authors']} authors"
        told += f", written in <b>{history['commits']:,}</b> commits by {people}"
    tiles = [
        (f"{findings['functions']:,}", "functions"),
        (f"{findings['maintainability']:.0f}", "maintainability, of 100"),
        (f"{findings['vocabulary_bits']:.1f} bits", "of news in a name"),
        (f"{findings['redundancy']:.0%}", "can be compressed away"),
    ]
    return (
        f'<header><div><p class="kicker">Observatory</p><h1>{escape(name)}</h1><p class="lead">{told}. '
        "Planets are packages: the closer to the centre, the more the others stand on them.</p></div>"
        f"{charts.orbits(findings['imports'])}</header>{_tiles(tiles)}"
    )


def _run(account: Account) -> str:
    tasks, work_s, span_s = account.of("process")
    tiles = [
        (f"{account.tasks:,}", "tasks ran"),
        (f"{account.wall_s:.1f} s", "from start to end"),
        (f"{account.work_s:.1f} s", "one after the other"),
        (f"{account.speed_up:.1f} times", "as fast"),
        (str(account.most_at_once), "at once, at most"),
        (str(account.healed), "failures healed by retries"),
    ]
    say = f"{tasks} tasks kept processors busy, side by side: {work_s:.1f} s of work in {span_s:.1f} s."
    for one in account.resumptions:
        again = "none of them ran again" if not one.ran_again else f"{one.ran_again} of them ran again"
        say += (
            f" It was killed and resumed: {one.done_before} tasks were done before, {again}; {one.ran_after} ran after."
        )
    keys = "".join(f'<span class="c-{hue}"><i></i>{escape(text)}</span>' for hue, text in legend(account))
    drawing = f'<div class="scroll">{timeline(account)}</div><div class="legend">{keys}</div>'
    return _section("How this report was made", say, _tiles(tiles) + drawing)


def _change(findings: Findings) -> str:
    has_history = findings["history"] is not None
    say = "Code that is hard to follow and often changed is where mistakes are made. "
    say += "Warmth is complexity times commits." if has_history else "Without a history, warmth is complexity alone."
    rows = []
    for one in findings["hotspots"][:8]:
        changes = [f"{one['commits']:,}", f"{one['churn']:,}"] if has_history else ["", ""]
        rows.append([_code(one["path"]), f"{one['complexity']:,}", *changes])
    table = _table(["hottest files", "complexity", "commits", "lines changed"], rows)
    drawing = charts.hotspot_chart(findings["files"], has_history=has_history)
    return _section("Where change hurts", say, f'<div class="pair"><div>{drawing}</div>{table}</div>')


def _made_of(findings: Findings) -> str:
    languages = ", ".join(f"{name} {lines:,}" for name, lines in list(findings["languages"].items())[:5])
    tree = _section(
        "What it is made of",
        f"A tile for every file, the warmer the harder to maintain. Lines: {languages}.",
        charts.tree_chart(findings["files"]),
    )
    rows = [
        [
            f"{_code(one['name'])}<br><small>{escape(one['path'])}:{one['line']}</small>",
            f"{one['lines']}",
            f"{one['complexity']}",
        ]
        for one in findings["worst_functions"][:5]
    ]
    drawing = charts.complexity_chart(findings["complexity_classes"])
    functions = _section(
        "How winding it is",
        "Functions by the paths that lead through them.",
        drawing + _table(["most winding functions", "lines", "paths"], rows),
    )
    return _pair(tree, functions)


def _order(findings: Findings) -> str:
    imports = findings["imports"]
    if not imports["packages"]:
        return ""
    loops = sum(column > row for row, column, _ in imports["counts"])
    say = "Each row imports the marked columns. "
    if loops:
        say += f"{loops} {'mark stands' if loops == 1 else 'marks stand'} right of the diagonal and closes a loop."
    else:
        say += "All marks stand left of the diagonal: there is no loop."
    bearers: Counter[int] = Counter(column for _, column, _ in imports["counts"])
    leaners: Counter[int] = Counter(row for row, _, _ in imports["counts"])
    rows = []
    for position, count in bearers.most_common(5):
        package = imports["packages"][position]
        rows.append([_code(package["name"]), f"{count}", f"{leaners[position]}", f"{package['lines']:,}"])
    table = _table(["most stood on", "by", "stands on", "lines"], rows)
    return _section("Who stands on whom", say, charts.matrix(imports) + table)


def _past(findings: Findings) -> str:
    history = findings["history"]
    if history is None:
        return ""
    unit = "hour (UTC)" if history["by_the_hour"] else "day"
    span = history["first"] if history["first"] == history["last"] else f"{history['first']} to {history['last']}"
    say = f"Lines added and removed by the {unit}, {span}; the numbers count commits."
    return _section("How it came to be", say, charts.history_chart(history))


def _twice(findings: Findings) -> str:
    rows = [
        [f"{_code(one['one'])}:{one['one_line']}", f"{_code(one['other'])}:{one['other_line']}", f"{one['share']:.0%}"]
        for one in findings["duplicates"][:8]
    ]
    if not rows:
        return _section("What was written twice", "No two files share a run of some forty tokens.", "")
    say = "Files that share runs of some forty tokens, and how much of the smaller one that is."
    return _section("What was written twice", say, _table(["file", "shares with", "share"], rows))


def _machine(findings: Findings) -> str:
    if not findings["machine"]:
        return ""
    say = "The processor and the memory of this machine while the run went on."
    return _section("The machine meanwhile", say, charts.machine_chart(findings["machine"]))


def _packages(findings: Findings) -> str:
    if not findings["packages"]:
        return ""
    rows = [
        [escape(f"{one['name']} {one['version']}"), escape(one["licence"]), _attempts(one["attempt"])]
        for one in findings["packages"]
    ]
    say = "Asked of a local server that refuses some requests and drops one; retries healed it."
    return _section("What is installed", say, _table(["package", "licence", "answered at"], rows))


def _attempts(number: int) -> str:
    names = {1: "first try", 2: "second try", 3: "third try"}
    return f'<span class="tag{" healed" if number > 1 else ""}">{names.get(number, f"try {number}")}</span>'


def _foot(account: Account | None) -> str:
    run = f" in run <code>{escape(account.run)}</code>" if account is not None else ""
    crash = "<code>orrery demo --crash</code> kills it half-way; the next one goes on."
    return f"<footer>Drawn by <code>orrery demo</code>{run}. {crash}</footer>"


def _section(title: str, say: str, inner: str) -> str:
    return f'<section><h2>{escape(title)}</h2><p class="say">{escape(say)}</p>{inner}</section>'


def _pair(one: str, other: str) -> str:
    return f'<div class="pair">{one}{other}</div>' if one or other else ""


def _tiles(tiles: Iterable[tuple[str, str]]) -> str:
    inner = "".join(f"<div><b>{escape(number)}</b><span>{escape(text)}</span></div>" for number, text in tiles)
    return f'<div class="tiles">{inner}</div>'


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is text; cells are markup, and a column of numbers is set to the right."""
    right = [bool(rows) and all(_is_number(row[column]) for row in rows) for column in range(len(heads))]
    kept = [column for column in range(len(heads)) if any(row[column] for row in rows)]
    attribute = {column: ' class="n"' if right[column] else "" for column in kept}
    head = "".join(f"<th{attribute[column]}>{escape(heads[column])}</th>" for column in kept)
    body = "".join(
        f"<tr>{''.join(f'<td{attribute[column]}>{row[column]}</td>' for column in kept)}</tr>" for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").replace("%", "").isdigit()


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"
