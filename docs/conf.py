"""The documentation site: ``python -m sphinx -W -q -b html docs docs/_build/html``.

Pages are MyST Markdown. The notebooks of ``notebooks/`` are copied beside them and executed while the site is built,
each once: a cache in ``docs/_build`` keeps what it showed until its text changes. Nothing is fetched from a network.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

from public_names import PAGES  # noqa: E402 - the folder has to be on the path first

from adaptive_calib import __version__  # noqa: E402 - as above

project = "adaptive_calib"
author = "The adaptive_calib developers"
copyright = author
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "myst_nb",
    "sphinx_copybutton",
    "public_names",
    "search_words",
    "copied_notebooks",
    "error_messages",
    "mathml",
    "unreleased_news",
]
exclude_patterns = ["_build", "_ext", "news"]
nitpicky = False  # docstrings name NumPy's and dask's types, which nobody can look up without a network
default_role = "public-name"  # `name` in a docstring is a link where the name is documented, and code elsewhere

# ------------------------------------------------------------------------------------------------------- the reference

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autosummary_generate = False
python_maximum_signature_line_length = 88
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True  # attributes of a dataclass are described once, in its docstring
public_name_pages = PAGES

# prompts are not copied, and of blocks that have them only the lines behind one
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# ----------------------------------------------------------------------------------------------- Markdown and notebooks

myst_enable_extensions = ["colon_fence", "dollarmath", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "_build" / "executed")
nb_execution_timeout = 240
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_execution_in_temp = True
nb_merge_streams = True
nb_ipywidgets_js = {}  # widgets need a kernel, and their scripts a network
suppress_warnings = [
    "mystnb.unknown_mime_type",  # HoloViews sends its plots in a type of its own beside the HTML that is shown
]

# --------------------------------------------------------------------------------------------------------- how it looks

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_math_renderer = "mathml"
html_title = f"adaptive_calib {release}"
html_show_sphinx = False
html_copy_source = False
