"""Print the benchmark tables: ``python -m tests.benchmarks [MODULE ...] [--case TEXT]``.

``python -m tests.benchmarks worlds`` measures the error rates of decisions instead, see `tests.benchmarks.worlds`.

Without names every module of `tests.benchmarks.cases` is measured. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import pkgutil
import sys
from importlib import import_module
from inspect import signature

from tests.benchmarks import cases, worlds
from tests.benchmarks.harness import measure, table


def main() -> None:
    if sys.argv[1:2] == ["worlds"]:
        worlds.main(sys.argv[2:])
        return
    known = [m.name for m in pkgutil.iter_modules(cases.__path__)]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", help=f"of {', '.join(known)}")
    parser.add_argument("--case", default="", help="only cases whose name contains this")
    options = parser.parse_args()
    reports = {name: getattr(import_module(f"tests.benchmarks.cases.{name}"), "report", None) for name in known}
    for name in options.modules or known:
        if name not in reports:
            parser.error(f"there is no module {name!r}; expected some of {', '.join(known)}")
        module = f"tests.benchmarks.cases.{name}"
        if (report := reports[name]) is not None:  # counts, not seconds
            if options.case and "case" not in signature(report).parameters:
                parser.error(f"{name} has one table: leave --case out")
            text = report(case=options.case) if options.case else report()
            print(f"\n### {name}\n\n{text}", flush=True)
            continue
        chosen = [case for case in import_module(module).CASES if options.case in case.name]
        print(f"\n### {name}\n\n{table([measure(module, case) for case in chosen])}", flush=True)


if __name__ == "__main__":
    main()
