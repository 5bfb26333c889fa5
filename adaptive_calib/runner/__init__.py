"""The familiar face of a run: Runner, AsyncRunner, BlockingRunner, simple, replay_log."""
