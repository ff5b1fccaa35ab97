"""Bar charts as SVG text: one for each table, a bar for each contestant."""
import math
from html import escape

from figures import median
from report import pace

WIDTH, LABEL, BAR, GAP, TOP = 820, 270, 20, 6, 62
COLOURS = {"ours": "#1b6ca8", "bare": "#9a9a9a", "peer": "#d0893e"}


def kind(row):
    return {"ours-": "ours", "bare-": "bare"}.get(row["key"][:5], "peer")


def plain(name):
    return escape(name.replace("*", ""))


def lengths(values, room):
    """Bars on a logarithmic scale that begins a little below the smallest."""
    low, high = math.log10(min(values)) - 0.3, math.log10(max(values))
    return [max(2.0, (math.log10(value) - low) / (high - low) * room) for value in values]


def chart(result):
    """Longest bar first: the fastest, or with a link the one that takes longest last."""
    rows = sorted((r for r in result["rows"] if not r["refused"]), key=lambda r: -median(r["rates"]))
    timed = bool(result["link_ms"])
    values = [median(row["walls"]) if timed else median(row["rates"]) for row in rows]
    height = TOP + len(rows) * (BAR + GAP) + 14
    meaning = "shorter is better" if timed else "longer is better"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
        ' font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="14" y="24" font-size="16" font-weight="bold">{result["workload"]}: {plain(result["title"])}</text>',
        f'<text x="14" y="44" fill="#555555">Median of {result["rounds"]} rounds; {meaning}; logarithmic scale</text>',
    ]
    for place, (row, length) in enumerate(zip(rows, lengths(values, WIDTH - LABEL - 110))):
        y = TOP + place * (BAR + GAP)
        parts += [
            f'<text x="{LABEL - 8}" y="{y + 15}" text-anchor="end">{plain(row["name"])}</text>',
            f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{COLOURS[kind(row)]}"/>',
            f'<text x="{LABEL + length + 6:.1f}" y="{y + 15}">{pace(result, row)}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def write_charts(results, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for result in results:
        if any(not row["refused"] for row in result["rows"]):
            (folder / f"{result['key']}.svg").write_text(chart(result), encoding="utf-8")
