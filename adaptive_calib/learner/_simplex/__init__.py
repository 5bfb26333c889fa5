"""Parts of `Learner2D` and `LearnerND`, the learners on triangulations: mesh, losses, interpolant."""
