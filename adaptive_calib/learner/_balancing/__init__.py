"""What belongs to `BalancingLearner`: the ranking of its children."""
