"""Print the benchmark tables: ``python -m tests.benchmarks [MODULE ...] [--case TEXT]``.

``python -m tests.benchmarks worlds`` measures the error rates of decisions instead, see `tests.benchmarks.worlds`.

Without names every module of `tests.benchmarks.cases` is measured. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import pkgutil
import sys
from importlib import import_module

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
    for name in options.modules or known:
        module = f"tests.benchmarks.cases.{name}"
        if hasattr(import_module(module), "report"):
            # counts, not seconds
            print(f"\n### {name}\n\n{import_module(module).report()}", flush=True)
            continue
        chosen = [case for case in import_module(module).CASES if options.case in case.name]
        print(f"\n### {name}\n\n{table([measure(module, case) for case in chosen])}", flush=True)


if __name__ == "__main__":
    main()
