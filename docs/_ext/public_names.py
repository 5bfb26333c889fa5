"""The directive ``public-names``: the reference of one module, made from its ``__all__``.

Each object is documented once, on the page of the first module in `PAGES` that has it; the other modules that offer it
link there. So a new public name is in the reference as soon as it is in ``__all__``.
"""

from __future__ import annotations

import inspect
import re
import sys
from importlib import import_module
from itertools import dropwhile
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective

#: Page -> modules on it, in the order in which an object finds its home.
PAGES: dict[str, tuple[str, ...]] = {
    "learner": (
        "adaptive_calib.learner",
        "adaptive_calib.learner.protocol",
        "adaptive_calib.learner.learner1D",
        "adaptive_calib.learner.learner2D",
        "adaptive_calib.learner.learnerND",
        "adaptive_calib.learner.gp_learner",
        "adaptive_calib.learner.average_learner",
        "adaptive_calib.learner.average_learner1D",
        "adaptive_calib.learner.balancing_learner",
        "adaptive_calib.learner.data_saver",
        "adaptive_calib.learner.integrator_learner",
        "adaptive_calib.learner.cubature_learner",
        "adaptive_calib.learner.sequence_learner",
        "adaptive_calib.learner.base_learner",
        "adaptive_calib.learner.triangulation",
        "adaptive_calib.learner.claims",
        "adaptive_calib.learner.values",
    ),
    "runner": ("adaptive_calib.runner",),
    "calibration": ("adaptive_calib.calibration", "adaptive_calib.tasks"),
    "statistics": ("adaptive_calib.calibration.curve",),
    "emd": ("adaptive_calib.emd", "adaptive_calib.path_sampling"),
    "store": ("adaptive_calib.store",),
    "engine": (
        "adaptive_calib.engine.events",
        "adaptive_calib.engine.machine",
        "adaptive_calib.engine.points",
        "adaptive_calib.engine.goals",
        "adaptive_calib.engine.retry",
        "adaptive_calib.engine.executor_protocol",
        "adaptive_calib.engine.executors",
        "adaptive_calib.engine.coroutines",
        "adaptive_calib.engine.dask_cluster",
        "adaptive_calib.engine.observers",
        "adaptive_calib.engine.archive",
        "adaptive_calib.engine.session",
        "adaptive_calib.engine.clock",
        "adaptive_calib.engine.evaluate",
        "adaptive_calib.engine.ship",
        "adaptive_calib.engine.limit",
        "adaptive_calib.engine.overdue",
        "adaptive_calib.engine.workers_missing",
        "adaptive_calib.engine.drivers",
    ),
    "view": (
        "adaptive_calib.view",
        "adaptive_calib.view.calibration",
        "adaptive_calib.view.calibration_numbers",
        "adaptive_calib.callbacks.calibration_progress",
        "adaptive_calib.viz",
    ),
    "notebook": ("adaptive_calib.notebook", "adaptive_calib.notebook_integration"),
    "testing": (
        "adaptive_calib.testing.learners",
        "adaptive_calib.testing.executors",
        "adaptive_calib.testing.stores",
    ),
    "utils": ("adaptive_calib.utils", "adaptive_calib.types"),
    "top": ("adaptive_calib",),
}


def homes(pages: dict[str, tuple[str, ...]]) -> dict[int, str]:
    """Return the full name under which each object is documented, by the identity of the object."""
    found: dict[int, str] = {}
    for modules in pages.values():
        for module in map(import_module, modules):
            for name in module.__all__:
                value = getattr(module, name)
                if _has_identity(value):
                    found.setdefault(id(value), f"{module.__name__}.{name}")
    return found


def short_names(pages: dict[str, tuple[str, ...]]) -> dict[str, str]:
    """Return the full name that a short one stands for, where there is only one."""
    found: dict[str, set[str]] = {}
    for full in homes(pages).values():
        found.setdefault(full.rpartition(".")[2], set()).add(full)
    return {short: full for short, (full, *others) in ((s, sorted(f)) for s, f in found.items()) if not others}


def _has_identity(value: Any) -> bool:
    return not isinstance(value, bool | int | float | str)


def _is_data(value: Any) -> bool:
    return not (inspect.isclass(value) or inspect.isroutine(value))


class PublicNames(SphinxDirective):
    """``.. public-names:: MODULE``: a table of the module's names, then each of them in full."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Write the directives of autosummary and autodoc and let them be read."""
        module = import_module(self.arguments[0])
        known = homes(self.config.public_name_pages)
        own, elsewhere = [], []
        for name in module.__all__:
            value, full = getattr(module, name), f"{module.__name__}.{name}"
            if inspect.ismodule(value):
                elsewhere.append(f"- ``{full}`` is the module :py:mod:`{value.__name__}`")
            elif _has_identity(value) and known[id(value)] != full:
                elsewhere.append(f"- ``{full}`` is :py:obj:`{known[id(value)]}`")
            else:
                own.append((name, value))
        lines = [f".. py:module:: {module.__name__}", ""]
        table = [name for name, value in own if not _is_data(value)]
        if len(table) > 1:
            lines += [".. autosummary::", "   :nosignatures:", "", *(f"   {name}" for name in table), ""]
        lines += [*elsewhere, ""]
        for name, value in own:
            lines += [*_documented(module.__name__, name, value), ""]
        source = StringList(lines, source=f"<public-names {module.__name__}>")
        container = nodes.section()
        container.document = self.state.document
        self.state.nested_parse(source, self.content_offset, container)
        return container.children


def _documented(module: str, name: str, value: Any) -> list[str]:
    full = f"{module}.{name}"
    if _is_data(value):
        return [f".. py:data:: {full}", "", *(f"   {line}" for line in _comment(module, name, value))]
    if not value.__module__.startswith("adaptive_calib"):
        return [f".. py:class:: {full}", "", f"   ``{value.__module__}.{value.__qualname__}``, handed on as it is."]
    if inspect.isclass(value):
        kind = "autoexception" if issubclass(value, BaseException) else "autoclass"
        # what a class has from a private base is documented with it, what it has from a public one is not
        public = dropwhile(lambda base: "._" in base.__module__, value.__mro__[1:])
        outside = ",".join(base.__name__ for base in public)
        shared = [f"   :inherited-members: {outside}"] if "._" in value.__mro__[1].__module__ else []
        return [f".. {kind}:: {full}", *shared]
    return [f".. autofunction:: {full}"]


def _comment(module: str, name: str, value: Any) -> list[str]:
    """Return what the source says of a value (``#:`` before it, or a text after it), or else the value."""
    home = next(
        (one for one in (module, *_below(module)) if ("", name) in ModuleAnalyzer.for_module(one).find_attr_docs()), ""
    )
    if home:
        return ModuleAnalyzer.for_module(home).find_attr_docs()["", name]
    return [f"``{value!r}``"]


def _below(module: str) -> list[str]:
    return sorted(name for name in sys.modules if name.startswith(f"{module}.") and ".examples" not in name)


def name_role(
    role: str, rawtext: str, text: str, lineno: int, inliner: Any, options: Any = None, content: Any = ()
) -> tuple[list[nodes.Node], list[Any]]:
    """Make a link of a public name, and code of everything else."""
    config = inliner.document.settings.env.config
    full = _SHORT.setdefault("names", short_names(config.public_name_pages)).get(text, "")
    if text.startswith("adaptive_calib.") or full:
        target = addnodes.pending_xref(
            rawtext, refdomain="py", reftype="obj", reftarget=full or text, refexplicit=True, refwarn=False
        )
        target += nodes.literal(rawtext, text, classes=["xref", "py"])
        return [target], []
    return [nodes.literal(rawtext, text)], []


_SHORT: dict[str, dict[str, str]] = {}


def only_sure_links(app: Sphinx, doctree: nodes.document) -> None:
    """Turn words in the types of parameters into text where they only look like a name (points, error, started)."""
    known = _SHORT.setdefault("names", short_names(app.config.public_name_pages))
    for link in list(doctree.findall(addnodes.pending_xref)):
        if link["refdomain"] == "py" and link.get("refspecific") and not link["reftarget"].startswith("adaptive_calib"):
            if link["reftarget"] in known:
                link["reftarget"] = known[link["reftarget"]]
            else:
                link.replace_self(link.children)


def add_anchors(app: Sphinx, doctree: nodes.document) -> None:
    """Give each object the anchors that links back from the source may use.

    These are made of one of the modules in which objects of the same file are documented, which need not be the
    object's own.
    """
    homes_of: dict[str, set[str]] = {}
    for module in (name for modules in app.config.public_name_pages.values() for name in modules):
        for name in import_module(module).__all__:
            homes_of.setdefault(getattr(getattr(import_module(module), name), "__module__", ""), set()).add(module)
    for signature in doctree.findall(addnodes.desc_signature):
        module, name = signature.get("module"), signature.get("fullname")
        if module and name:
            defined = getattr(getattr(import_module(module), name.partition(".")[0], None), "__module__", module)
            wanted = {f"{home}.{name}" for home in homes_of.get(defined, ())}
            signature["ids"] += sorted(wanted - set(signature["ids"]))


def without_empty_modules(app: Sphinx, env: Any) -> None:
    """Keep modules without a source, such as ``time``, out of the list of sources, where their links are broken."""
    known = getattr(env, "_viewcode_modules", {})
    for name in [name for name, entry in known.items() if not entry]:
        del known[name]


_BARS = re.compile(r"\|(?=\S)([^|]+)(?<=\S)\|")


def keep_bars(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Let the bars of an absolute value be bars, where reStructuredText sees the name of a substitution."""
    for number, line in enumerate(lines):
        if "``" not in line and ">>>" not in line:
            lines[number] = _BARS.sub(r"\\|\1\\|", line)


def setup(app: Sphinx) -> dict[str, Any]:
    """Give Sphinx the directive and the role."""
    app.add_config_value("public_name_pages", {}, "env")
    app.add_directive("public-names", PublicNames)
    app.add_role("public-name", name_role)
    app.connect("doctree-read", only_sure_links)
    app.connect("doctree-read", add_anchors)
    app.connect("env-check-consistency", without_empty_modules)
    app.connect("autodoc-process-docstring", keep_bars)
    return {"version": "1", "parallel_read_safe": True}
