"""Several interpolants of the same points of a curve, and the choice between them: the `mode="auto"` of `Learner1D`."""
