"""Two models of an excitable neuron: a calibration with scipy's ODE solvers, run with python -m."""
