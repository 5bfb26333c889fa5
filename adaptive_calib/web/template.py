"""Style of the pages: one template, and the colours of plots on light and dark pages."""

from __future__ import annotations

from bokeh.themes import Theme

__all__ = ["CARD", "DARK", "INKS", "LIGHT", "SELECT", "STYLE", "TABLE", "TEMPLATE"]

#: A browser says by a cookie whether it prefers dark pages, as plots are coloured by the server.
TEMPLATE = """
{% extends base %}
{% block title %}{{ heading }} · {{ name }}{% endblock %}
{% block postamble %}
<meta name="viewport" content="width=device-width, initial-scale=1">
<script>
(function () {
  const wanted = matchMedia("(prefers-color-scheme: dark)")
  function check() {
    const theme = wanted.matches ? "dark" : "light"
    if (theme !== "{{ 'dark' if dark else 'light' }}") {
      document.cookie = "adaptive-calib-theme=" + theme + "; path=/; SameSite=Strict"
      if (document.cookie.includes("adaptive-calib-theme=" + theme)) { location.reload() }
    }
  }
  wanted.addEventListener("change", check)
  check()
})()
</script>
<style>
:root { --ink: #1c2430; --faint: #5d6b7c; --line: #d9dfe6; --page: #f4f6f8; --card: #ffffff; --link: #1667b1; }
{% if dark %}
:root { --ink: #e4e8ee; --faint: #9aa7b5; --line: #39424e; --page: #14181d; --card: #1d232a; --link: #7db8f0;
        color-scheme: dark; }
{% endif %}
html, body { background: var(--page); color: var(--ink); height: auto !important;
             font-family: system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; font-size: 15px; }
header { display: flex; flex-wrap: wrap; gap: 4px 16px; align-items: baseline; padding: 12px 16px;
         border-bottom: 1px solid var(--line); background: var(--card); }
header b { font-size: 17px; overflow-wrap: anywhere; }
header a { color: var(--link); }
header span { color: var(--faint); overflow-wrap: anywhere; }
main { max-width: 1560px; margin: 0 auto; padding: 12px; }
</style>
{% endblock %}
{% block contents %}
<header>
  <b>{{ name | e }}</b><a href="./">runs</a><a href="compare">compare</a><span>{{ heading | e }}</span>
</header>
<main>{{ embed(roots.main) }}</main>
{% endblock %}
"""

#: Inside of pieces of HTML.
STYLE = """
:host { color: var(--ink); font-size: 14px; line-height: 1.4; }
a { color: var(--link); }
h2 { font-size: 15px; margin: 0 0 6px; font-weight: 600; }
small { color: var(--faint); }
.wide { overflow-x: auto; }
table.runs { border-collapse: collapse; width: 100%; }
table.runs th, table.runs td { text-align: left; padding: 6px 10px; border-bottom: 1px solid var(--line);
                               vertical-align: top; overflow-wrap: anywhere; }
table.runs th { font-weight: 600; color: var(--faint); white-space: nowrap; overflow-wrap: normal; }
table.runs td:first-child { white-space: nowrap; }
tr.differs td { font-weight: 600; }
.bar { height: 6px; border: 1px solid var(--line); border-radius: 3px; margin: 3px 0; min-width: 80px; }
.bar div { height: 100%; }
details { border-bottom: 1px solid var(--line); padding: 6px 0; }
summary { cursor: pointer; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 12px; margin: 6px 0; }
"""

#: Inside of choices.
SELECT = "select.bk-input { background-color: var(--card); color: var(--ink); border-color: var(--line); }"

#: Around a part of a page.
CARD = {"background": "var(--card)", "border": "1px solid var(--line)", "border-radius": "6px", "padding": "10px"}

#: Inside of the table of points.
TABLE = """
:host, .tabulator { font-size: 13px; color: var(--ink); }
.tabulator, .tabulator .tabulator-header, .tabulator .tabulator-header .tabulator-col,
.tabulator .tabulator-tableholder .tabulator-table, .tabulator-row, .tabulator-row.tabulator-row-even,
.tabulator-row .tabulator-cell,
.tabulator .tabulator-footer { background: var(--card) !important; color: var(--ink) !important;
                               border-color: var(--line) !important; }
.tabulator .tabulator-footer .tabulator-page { color: var(--ink); background: var(--card); border-color: var(--line); }
.tabulator .tabulator-footer .tabulator-page.active { font-weight: bold; color: var(--link) !important; }
"""

_PLOT = {"background_fill_alpha": 0.0, "border_fill_alpha": 0.0}


def _theme(ink: str, line: str) -> dict[str, object]:
    text = {"text_color": ink}
    axis = {
        "axis_label_text_color": ink, "major_label_text_color": ink, "axis_line_color": line,
        "major_tick_line_color": line, "minor_tick_line_color": line,
    }  # fmt: skip
    legend = {"background_fill_alpha": 0.0, "label_text_color": ink, "border_line_alpha": 0.0}
    bar = {"background_fill_alpha": 0.0, "major_label_text_color": ink}
    return {
        "attrs": {
            "Plot": {**_PLOT, "outline_line_color": line}, "Axis": axis,
            "Grid": {"grid_line_color": line, "grid_line_alpha": 0.5},
            "Title": text, "Legend": legend, "BaseColorBar": bar,
        }
    }  # fmt: skip


#: Colours of texts on light and dark pages.
INKS = ("#1c2430", "#e4e8ee")
LIGHT, DARK = Theme(json=_theme(INKS[0], "#c3ccd6")), Theme(json=_theme(INKS[1], "#4a5562"))
