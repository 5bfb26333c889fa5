"""Parts of `GPLearner`: the Gaussian process, its variance with more points, noise and peaks in it, the minimum."""
