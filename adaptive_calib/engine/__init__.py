"""How a run goes on: events in, effects out; thin drivers carry the effects out."""
