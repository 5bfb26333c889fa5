"""Two regressors of scikit-learn on functions that neither is made for: a calibration, run with python -m."""
