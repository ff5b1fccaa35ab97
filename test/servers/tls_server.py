#!/usr/bin/python3
"""Small mail servers with every certificate of certs.py, each with implicit TLS and with STARTTLS.

    tls_server.py serve [--case NAME]... [--json-out F]     until SIGTERM; prints the cases with their ports
    tls_server.py with [--case NAME]... -- COMMAND          COMMAND finds them in POSTRIDER_TEST_TLS_JSON
    tls_server.py check [--can crl must-staple] -- postrider      runs a client against all of them

The description is the index of certs.py; each case has "ports": {"implicit": N, "starttls": N} besides.
They take AUTH PLAIN and LOGIN with any password, and any mail, and keep nothing.
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

import certs
import evil
import fixture
import scenarios

MODES = {"implicit": "smtps", "starttls": "smtp+tls"}
TLS_FAILURE = 76


def scenario_for(case, mode):
    """A right server with this certificate, and what a right client makes of it."""
    good = case["expected"] == certs.OK
    keywords = [*scenarios.PIPELINED, "AUTH PLAIN LOGIN"]
    return scenarios.scenario(
        f"{case['name']}-{mode}",
        "T6",
        0 if good else TLS_FAILURE,
        case["why"],
        [scenarios.GREET, scenarios.serve(caps=scenarios.with_starttls(keywords), tls_caps=keywords)],
        **{
            "url": MODES[mode],
            "tls": mode,
            "auth": True,
            "leaf": case["name"],
            "options": ["--tls-name", case["host"]],
        },
        never_clear=scenarios.IN_CLEAR,
        never=[] if good else scenarios.IN_CLEAR,
        needs=case["needs"],
    )


@contextlib.contextmanager
def running(index, names=()):
    """The servers of the named cases (default: all); gives the index with their ports."""
    unknown = set(names) - {case["name"] for case in index["cases"]}
    if unknown:
        raise fixture.FixtureError(f"no case named {', '.join(sorted(unknown))}: certs.py --list shows them")
    with contextlib.ExitStack() as stack:
        cases = []
        for case in index["cases"]:
            if not names or case["name"] in names:
                servers = {
                    mode: stack.enter_context(evil.EvilServer(scenario_for(case, mode), index)) for mode in MODES
                }
                cases.append({**case, "ports": {mode: server.port for mode, server in servers.items()}})
        yield {**index, "cases": cases}


def check(client, can, jobs, report=print):
    """Runs a client against every case in both modes; returns how many it got wrong."""
    index = certs.ensure()
    wanted = [scenario_for(case, mode) for case in index["cases"] for mode in MODES if set(case["needs"]) <= set(can)]
    wrong = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for scenario, run in zip(wanted, pool.map(lambda each: evil.run_client(each, client, index), wanted)):
            faults = evil.judge(scenario, run)
            wrong += bool(faults)
            report(f"{'FAULT' if faults else 'ok':5} {scenario['name']:36} exit {run.status:3}  {scenario['why']}")
            for fault in faults:
                report(f"      {fault}")
    report(f"{len(wanted)} certificates and modes, {wrong} with faults")
    return wrong


def _serve(options):
    numbers = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    with running(certs.ensure(), options.case) as index:
        text = json.dumps(index, indent=1, ensure_ascii=False)
        if options.json_out:
            fixture.write(options.json_out + ".new", text + "\n")
            os.replace(options.json_out + ".new", options.json_out)
        print(text, flush=True)
        signal.sigwait(numbers)
    return 0


def _with(options):
    with running(certs.ensure(), options.case) as index, tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "tls.json")
        path.write_text(json.dumps(index, indent=1, ensure_ascii=False), encoding="utf-8")
        environment = {**os.environ, "POSTRIDER_TEST_TLS_JSON": str(path), "POSTRIDER_TEST_CA": index["ca"]}
        status = subprocess.run(options.command, env=environment, check=False).returncode
    return status if status >= 0 else 128 - status


def main():
    """The command line described above."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    actions = parser.add_subparsers(dest="action", required=True)
    serving = actions.add_parser("serve", help="run until SIGTERM")
    serving.add_argument("--json-out", help="file for the description, written when all listen")
    running_with = actions.add_parser("with", help="run a command beside them")
    checking = actions.add_parser("check", help="run a client against all of them")
    checking.add_argument(
        "--can", nargs="*", default=[], help="what the client can do beyond a CA file: crl, must-staple"
    )
    checking.add_argument("--jobs", type=int, default=4)
    for action in (serving, running_with):
        action.add_argument("--case", action="append", default=[], help="only this case")
    for action in (running_with, checking):
        action.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    options = parser.parse_args()
    if options.action != "serve":
        options.command = options.command[1:] if options.command[:1] == ["--"] else options.command
        if not options.command:
            parser.error("no command given")
    try:
        if options.action == "check":
            return 1 if check(options.command, options.can, options.jobs) else 0
        return {"serve": _serve, "with": _with}[options.action](options)
    except fixture.FixtureError as error:
        print(f"tls_server: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
