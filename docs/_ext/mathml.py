"""Formulas as MathML, which browsers draw by themselves: no script, and so no network, is needed to read them."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx

__all__ = ["setup"]


def _known(formula: str) -> str:
    """Return a formula in the words that docutils knows."""
    return formula.replace(r"\dots", r"\ldots")


def _inline(translator: Any, node: nodes.Element) -> None:
    translator.body.append(tex2mathml(_known(node.astext())))
    raise nodes.SkipNode


def _block(translator: Any, node: nodes.Element) -> None:
    translator.body.append(f'<div class="math">{tex2mathml(_known(node.astext()), as_block=True)}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Give Sphinx the renderer, to be chosen by ``html_math_renderer``."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
