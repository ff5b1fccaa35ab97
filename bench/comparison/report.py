"""Tables, as Markdown that also reads well on a terminal; and their place in the document."""
import re

from figures import GOALS, content_goals, median, ratio


def number(value, digits=3):
    """With that many significant digits, thousands set apart."""
    if value is None:
        return "-"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    text = f"{value:.{digits}g}"
    return text if "e" not in text else f"{value:.5f}"


def aligned(head, rows):
    """A Markdown table; the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    def line(cells):
        padded = [cells[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(cells[1:], widths[1:])]
        return "| " + " | ".join(padded) + " |"
    rule = "|" + "|".join("-" * (w + 1) + (":" if i else "-") for i, w in enumerate(widths)) + "|"
    return "\n".join([line(head), rule, *map(line, rows)])


def pace(result, row):
    """The table's main figure."""
    wall = median(row["walls"])
    if result["link_ms"]:
        return f"{wall:.2f} s"
    if result["size"] > 1_000_000:
        return f"{result['size'] * row['messages'] / wall / 1e6:,.0f} MB/s"
    return number(median(row["rates"]))


def main_column(result):
    if result["link_ms"]:
        return "time"
    return "speed" if result["size"] > 1_000_000 else "messages/s"


def trips(result, row):
    if result["link_ms"]:
        return number(median(row["walls"]) * 1000 / result["link_ms"] / row["messages"])
    return number(row["turns"])


def table_text(result):
    head = ["client", main_column(result), "Postrider is", "CPU/message", "round trips"]
    calls = any(row.get("calls") is not None for row in result["rows"])
    head += ["system calls"] if calls else []
    head += ["peak memory"]
    able = sorted((r for r in result["rows"] if not r["refused"]), key=lambda r: -median(r["rates"]))
    rows = []
    for row in able:
        times = ratio(result, "ours-chunking", row["key"])
        cells = [row["name"], pace(result, row), f"{number(times)} ×" if times else "-"]
        cells += [f"{number(median(row['cpus']) * 1e6)} µs", trips(result, row)]
        cells += [number(row["calls"])] if calls else []
        rows.append([*cells, f"{row['rss_kb'] / 1024:.1f} MB"])
    refused = [row for row in result["rows"] if row["refused"]]
    rows += [[row["name"], *["-"] * (len(head) - 1)] for row in refused]
    text = [f"### {result['workload']}: {result['title']}", "", aligned(head, rows)]
    if refused:
        text += ["", "Not in it: " + "; ".join(f"{row['name']}: {row['refused']}" for row in refused) + "."]
    resumed = [f"{row['name']} {row['resumed']:.0%}" for row in able if row.get("resumed")]
    if resumed:
        text += ["", f"TLS sessions resumed: {', '.join(resumed)}; the others none."]
    if "heap_per_session" in result:
        text += ["", f"Heap of one idle Postrider session, in clear: {result['heap_per_session']:,} octets."]
    return "\n".join(text)


def goal_rows(results, content):
    by_key = {result["key"]: result for result in results}
    for goal in GOALS:
        if goal.table not in by_key:
            continue
        value, holds = goal.reached(by_key[goal.table])
        sign = "≤" if goal.at_most else "≥"
        verdict = "-" if holds is None else "yes" if holds else "**no**"
        shown = "-" if value is None else f"{number(value)} {goal.unit}".strip()
        yield [by_key[goal.table]["workload"] + ": " + goal.text, f"{sign} {number(goal.limit)} {goal.unit}".strip(),
               shown, verdict]
    for workload, text, value, limit in content_goals(content):
        verdict = "yes" if value >= limit else "**no**"
        yield [f"{workload}: {text}", f"≥ {number(limit)} ×", f"{number(value)} ×", verdict]


def goals_text(results, content):
    return aligned(["goal", "wanted", "reached", "met"], list(goal_rows(results, content)))


def write_into(document, mark, text):
    """Puts the text between <!-- mark --> and <!-- /mark -->."""
    whole = document.read_text(encoding="utf-8")
    begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    if begin not in whole or end not in whole:
        raise SystemExit(f"{document} has no place for {mark}: {begin} ... {end}")
    pattern = re.escape(begin) + ".*?" + re.escape(end)
    replaced = re.sub(pattern, lambda _: f"{begin}\n\n{text}\n\n{end}", whole, flags=re.DOTALL)
    document.write_text(replaced, encoding="utf-8")
