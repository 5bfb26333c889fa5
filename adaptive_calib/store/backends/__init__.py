"""Where results are kept: SQLite, JSON lines, fsspec, memory."""
