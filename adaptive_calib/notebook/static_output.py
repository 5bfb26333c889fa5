"""The last frame of a live plot, as a saved notebook keeps it: a picture, and a script that replaces it by a plot.

On a page with BokehJS the script draws the interactive plot and hides the picture. Where scripts do not run (a notebook
that is not trusted, a viewer on the web, a PDF) the picture stays.
"""

from __future__ import annotations

import base64
import importlib
import uuid
from collections.abc import Callable
from typing import Any

from adaptive_calib.notebook.environment import has

__all__ = ["static_output"]

#: Characters of a script beyond which only the picture is kept, so that a notebook stays small.
_LARGEST = 3_000_000
#: Percent of Matplotlib's usual size, which is smaller than a live plot.
_SIZE = 180
#: Style options of bokeh -> (that of Matplotlib, its value), None for values that it does not have.
_MARKERS = {"x": "x", "circle": "o", "square": "s", "triangle": "^", "diamond": "D", "cross": "+"}
_STYLE: dict[str, tuple[str, Callable[[Any], Any]]] = {
    **{name: (name, lambda value: value) for name in ("alpha", "cmap", "color")},
    "marker": ("marker", _MARKERS.get),
    "size": ("s", lambda size: size**2 if isinstance(size, (int, float)) else None),
    "line_width": ("linewidth", lambda width: width),
    "line_color": ("edgecolors", lambda color: color),
    "fill_alpha": ("facecolors", lambda alpha: "none" if alpha == 0 else None),
}
#: Runs the script of a plot when BokehJS is there: on a page that is loaded again, it may come later.
_WHEN_LOADED = """
<script>(function () {
  let tries = 0;
  const timer = setInterval(function () {
    if (window.Bokeh === undefined && ++tries < 300) { return; }
    clearInterval(timer);
    if (window.Bokeh === undefined) { return; }
    %s
  }, 100);
})();</script>
"""
_SWITCH = """
<script>(function () {
  let tries = 0;
  const timer = setInterval(function () {
    const plot = document.getElementById("%(name)s-plot"), picture = document.getElementById("%(name)s-picture");
    const drawn = plot !== null && plot.querySelector("[data-root-id]") !== null
      && plot.querySelector("[data-root-id]").childElementCount > 0;
    if (drawn && picture !== null) { picture.style.display = "none"; }
    if (drawn || ++tries > 300) { clearInterval(timer); }
  }, 100);
})();</script>
"""


def static_output(hv: Any, frame: Any, picture: bytes | None = None) -> dict[str, str]:
    """Return a frame as a bundle of media types: HTML with the picture and the interactive plot, PNG, and a line.

    Parameters
    ----------
    hv : module
        holoviews, with bokeh loaded.
    frame : holoviews object
    picture : bytes, optional
        The frame as PNG, where there is a better one than Matplotlib makes of a plot that is styled for bokeh.

    Returns
    -------
    dict
        Media type -> content; without Matplotlib there is no PNG.
    """
    name = f"adaptive-calib-{uuid.uuid4().hex}"
    plot = hv.renderer("bokeh").get_plot(frame).state
    script, place = importlib.import_module("bokeh.embed").components(plot, wrap_script=False)
    script = _WHEN_LOADED % script
    bundle = {"text/plain": "the final state of a live plot"}
    image = switch = ""
    if picture is None and has("matplotlib"):
        picture = _png(hv, frame)
    if picture is not None:
        bundle["image/png"] = png = base64.b64encode(picture).decode("ascii")
        image = f'<img id="{name}-picture" style="max-width:100%" alt="the plot" src="data:image/png;base64,{png}">'
        switch = _SWITCH % {"name": name}
    if image and len(script) > _LARGEST:
        bundle["text/html"] = image
    else:
        bundle["text/html"] = f'{image}<div id="{name}-plot" style="width:100%">{place}</div>{script}{switch}'
    return bundle


def _png(hv: Any, frame: Any) -> bytes:
    """Draw a frame by Matplotlib, which needs no browser."""
    chosen = hv.Store.current_backend
    if "matplotlib" not in hv.Store.loaded_backends():
        importlib.import_module("holoviews.plotting.mpl")
        hv.Store.set_current_backend(chosen)
    frame = frame.map(lambda part: _with_matplotlib(hv, part), [hv.Element])
    png, _ = hv.Store.renderers["matplotlib"].instance(size=_SIZE)(frame, fmt="png")
    return bytes(png)


def _with_matplotlib(hv: Any, part: Any) -> Any:
    """Return a part of a frame with those of its style options for bokeh that Matplotlib has, too."""
    style = hv.Store.lookup_options("bokeh", part, "style").kwargs
    known = getattr(hv.Store.registry["matplotlib"].get(type(part)), "style_opts", ())
    translated = ((_STYLE[name][0], _STYLE[name][1](value)) for name, value in style.items() if name in _STYLE)
    shared = {name: value for name, value in translated if name in known and value is not None}
    if shared.get("marker") in ("x", "+"):
        shared["edgecolors"] = None  # of markers without an area Matplotlib refuses HoloViews' own value
    return part.opts(hv.Options(**shared, backend="matplotlib"), clone=True) if shared else part
