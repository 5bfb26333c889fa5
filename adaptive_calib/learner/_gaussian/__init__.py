"""Parts of `GPLearner`: the Gaussian process, and what more points would leave of its variance."""
