"""Parts of `BalancingLearner`: the ranking of its children."""
