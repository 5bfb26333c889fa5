"""What survives a run: identities, the store of evaluations, logs, snapshots and data frames."""
