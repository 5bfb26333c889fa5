"""Parts of `AverageLearner1D`: samples at a place, and the mean curve of all samples together."""
