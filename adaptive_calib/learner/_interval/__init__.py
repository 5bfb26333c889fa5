"""Parts of `Learner1D`: the intervals between its points, their losses, and the points that are pending."""
