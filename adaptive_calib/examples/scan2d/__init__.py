"""A two-dimensional scan: where classical radiation ends, over wavelength and temperature; run with python -m."""
