"""What belongs to `IntegratorLearner`: the intervals of its quadrature."""
