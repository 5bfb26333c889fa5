"""``adaptive-calib serve``: the runs of a store as web pages, for reading only.

`results` reads a store again and again, each row once; `drawings` turns what was read into plots; `pages` arranges them
with Panel; `server` is Bokeh's server with a token. Nothing here is imported before the command is used.
"""
