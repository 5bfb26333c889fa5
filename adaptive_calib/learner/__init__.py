"""Where to evaluate next: plain classes behind one protocol; no threads, no files, no plots, no clocks."""
