"""Parts of `IntegratorLearner`: the intervals of its quadrature."""
