"""Runs: `machine` decides what to do next, `drivers` and `executors` do it; `events` connect them."""
