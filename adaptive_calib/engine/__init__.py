"""How a run goes on: decisions in `machine`, doing in `drivers` and `executors`, both told by `events`."""
