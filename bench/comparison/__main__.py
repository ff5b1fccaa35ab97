"""Postrider beside other clients, workload by workload; started by `./run bench`.

Measures the workloads named (w1 ... w7; all when none is), prints a table for each and the goals, and keeps the figures
in results.json of the build folder. With --write-docs the results go into docs/benchmarks.md, with plots.
"""
import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

from machinery import Place, Refused, Sink, prepare
from plots import write_charts
from report import goals_text, table_text, write_into
from sink_check import check
from workloads import TABLES, measure_tables

SOURCE = Path(__file__).resolve().parent.parent.parent


def arguments():
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__.split("\n\n")[1])
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="w1 ... w7, or one table such as w6-each")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (default 18)")
    parser.add_argument("--quick", action="store_true", help="3 rounds, a quarter of the messages")
    parser.add_argument("--only", action="append", metavar="PEER", help="of the other clients only this; repeatable")
    parser.add_argument("--write-docs", action="store_true", help="put the results into docs/benchmarks.md")
    parser.add_argument("--build", default=SOURCE / "build-bench", help="the folder of the built programs")
    parser.add_argument("--from-results", action="store_true", help="measure nothing, use the last results again")
    return parser.parse_args()


def wanted_tables(names):
    names = [name.lower() for name in names]
    known = {table.key for table in TABLES} | {table.workload.lower() for table in TABLES} | {"w7"}
    for name in names:
        if name not in known:
            raise SystemExit(f"no such workload: {name} (there are {', '.join(sorted(known))})")
    return [t for t in TABLES if not names or t.key in names or t.workload.lower() in names]


def content_rates(place):
    """What bench_content says, in octets per second."""
    done = subprocess.run(
        [place.programs / "bench_content", "--benchmark_format=json", "--benchmark_min_time=0.2",
         "--benchmark_repetitions=5", "--benchmark_report_aggregates_only=true"],
        capture_output=True, text=True, check=True)
    runs = json.loads(done.stdout)["benchmarks"]
    return {r["run_name"]: r["bytes_per_second"] for r in runs if r.get("aggregate_name") == "median"}


def machine():
    """Its class; nothing that names it."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown")
    with open("/etc/os-release", encoding="utf-8") as file:
        system = next((line.split("=")[1].strip().strip('"') for line in file if line.startswith("PRETTY_NAME")), "")
    compiler = subprocess.run(["c++", "-dumpfullversion"], capture_output=True, text=True, check=False).stdout.strip()
    return (f"{os.cpu_count()} cores, {model}; {system}, Linux {platform.release().split('-')[0]}, "
            f"g++ {compiler}")


def measure(options, place, keep):
    """The figures of this run; `keep` is given them after each table, so that a broken run loses little."""
    prepare(place)
    with Sink(place) as sink:
        check(sink)
    tables = wanted_tables(options.workloads)
    rounds = options.rounds or (3 if options.quick else 18)
    figures = {"machine": machine(), "rounds": rounds, "tables": [], "content": {}}
    for result in measure_tables(place, tables, rounds, 0.25 if options.quick else 1.0, options.only):
        print(f"\n{table_text(result)}\n\n({result['took']:.0f} s)", flush=True)
        figures["tables"].append(result)
        keep(figures)
    if not options.workloads or "w7" in [name.lower() for name in options.workloads]:
        figures["content"] = content_rates(place)
        keep(figures)
    return figures


def merged(old, new):
    """The new figures, and the old ones of what was not measured this time."""
    fresh = {table["key"]: table for table in new["tables"]}
    kept = {table["key"]: table for table in old.get("tables", [])}
    both = kept | fresh
    tables = [both[table.key] for table in TABLES if table.key in both]
    return new | {"tables": tables, "content": new["content"] or old.get("content", {})}


def write_documents(figures):
    document = SOURCE / "docs" / "benchmarks.md"
    tables = figures["tables"]
    write_into(document, "machine", f"Measured on: {figures['machine']}; {figures['rounds']} rounds.")
    write_into(document, "goals", goals_text(tables, figures["content"]))
    sections = [f"{table_text(t)}\n\n![{t['workload']}: {t['title']}](benchmarks/{t['key']}.svg)" for t in tables]
    write_into(document, "tables", "\n\n".join(sections))
    counts = (SOURCE / "bench" / "instructions.txt").read_text(encoding="utf-8").rstrip()
    write_into(document, "instructions", f"```\n{counts}\n```")
    write_charts(tables, SOURCE / "docs" / "benchmarks")
    print(f"\nWritten: {document}")


def known(file):
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    options = arguments()
    place = Place(SOURCE, options.build)
    file = place.build / "results.json"
    old = known(file)
    began = time.monotonic()

    def keep(figures):
        file.write_text(json.dumps(merged(old, figures)), encoding="utf-8")

    try:
        if not options.from_results:
            figures = measure(options, place, keep)
            print(f"\n### Goals\n\n{goals_text(figures['tables'], figures['content'])}")
        elif not old:
            raise Refused(f"there are no results yet in {file}: run without --from-results")
        if options.write_docs:
            write_documents(known(file))
    except Refused as error:
        raise SystemExit(f"bench: {error}") from error
    finally:
        place.remove()
    print(f"\n{time.monotonic() - began:.0f} s in all. Figures: {file}")


sys.exit(main())
