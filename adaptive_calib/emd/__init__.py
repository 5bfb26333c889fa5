"""Numbers of the EMD criterion: arrays in, arrays out; no files, no clocks, no displays."""
