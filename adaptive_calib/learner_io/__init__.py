"""Learners as tables and as files: data frames, columns of default arguments, snapshots."""
