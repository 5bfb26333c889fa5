"""Backends of a store: SQLite, JSON lines, fsspec, memory."""
