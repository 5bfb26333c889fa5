"""Live views of a run in Jupyter."""
