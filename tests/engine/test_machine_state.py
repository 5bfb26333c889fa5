"""The run machine under every order of events, and each history replayed exactly."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from adaptive_calib.engine.events import (
    Broke,
    Cancelled,
    Crashed,
    Dropped,
    Event,
    Failed,
    Finished,
    Loaded,
    Resized,
    Started,
    Submit,
    Tick,
    Withdraw,
)
from adaptive_calib.engine.goals import Elapsed, Goal, Points
from adaptive_calib.engine.machine import RunMachine
from adaptive_calib.engine.retry import RetryPolicy
from adaptive_calib.runner.log import MemoryLog
from adaptive_calib.runner.replay import replay_log
from tests.engine.doubles import Counting, Tolerant

Arguments = tuple[type[Counting], Goal, RetryPolicy, str, int | None]


def fresh(arguments: Arguments) -> RunMachine:
    kind, goal, retry, on_error, max_failures = arguments
    return RunMachine(kind(12), goal, retry, on_error=on_error, max_failures=max_failures, journal=True)


class AnyOrder(RuleBasedStateMachine):
    """Plays a driver that has every kind of bad luck."""

    @initialize(
        kind=st.sampled_from([Counting, Tolerant]),
        goal=st.sampled_from([Points(5), Points(12), Points(99), Points(8) | Elapsed(20)]),
        retry=st.sampled_from([RetryPolicy(), RetryPolicy(3), RetryPolicy(2, delay=3.0), RetryPolicy(3, on=OSError)]),
        on_error=st.sampled_from(["raise", "continue", "continue"]),
        max_failures=st.sampled_from([None, 3]),
        capacity=st.integers(0, 4),
        known=st.sets(st.integers(0, 11), max_size=3),
        failed=st.sets(st.integers(0, 11), max_size=2),
    )
    def start(self, kind, goal, retry, on_error, max_failures, capacity, known, failed):
        self.arguments = (kind, goal, retry, on_error, max_failures)
        self.run = fresh(self.arguments)
        self.history: list[tuple[tuple[Event, ...], list[object]]] = []
        self.time = 0.0
        self.out: dict[int, int] = {}  # what the driver has out
        self.told = {point: 2 * point for point in known}
        self.capacity = capacity
        self.withdrawals = 0
        self.abandoned = False
        loaded = Loaded(0.0, sorted(known), [2 * point for point in sorted(known)], sorted(failed - known))
        self.hand(Started(0.0, capacity), loaded)

    def hand(self, *events: Event) -> None:
        """Hand events to the machine and do as it says."""
        for event in events:
            if isinstance(event, (Finished, Failed, Dropped)):
                self.out.pop(event.task)
            elif isinstance(event, Crashed):
                for task in event.tasks:
                    del self.out[task]
        effects = self.run.handle(*events)
        self.history.append((events, effects))
        for effect in effects:
            if isinstance(effect, Submit):
                assert effect.task not in self.out
                assert effect.point not in self.out.values()
                assert effect.point not in self.told
                self.out[effect.task] = effect.point
            else:
                assert isinstance(effect, Withdraw)
                self.withdrawals += 1
                assert set(effect.tasks) == set(self.out)

    @precondition(lambda self: self.out)
    @rule(data=st.data(), seconds=st.floats(0, 2))
    def finish(self, data, seconds):
        self.time += seconds
        tasks = data.draw(st.lists(st.sampled_from(sorted(self.out)), min_size=1, max_size=3, unique=True))
        if not self.abandoned:
            self.told.update({self.out[task]: 2 * self.out[task] for task in tasks})
        self.hand(*(Finished(self.time, task, 2 * self.out[task]) for task in tasks))

    @precondition(lambda self: self.out)
    @rule(data=st.data(), error=st.sampled_from([ValueError("no"), OSError("again")]))
    def fail(self, data, error):
        self.hand(Failed(self.time, data.draw(st.sampled_from(sorted(self.out))), error))

    @precondition(lambda self: self.out)
    @rule(data=st.data())
    def drop(self, data):
        self.hand(Dropped(self.time, data.draw(st.sampled_from(sorted(self.out)))))

    @precondition(lambda self: self.out)
    @rule(shared=st.booleans())
    def crash(self, shared):
        self.hand(Crashed(self.time, tuple(self.out), OSError("the pool is broken"), shared))

    @rule(capacity=st.integers(0, 5))
    def resize(self, capacity):
        self.capacity = capacity
        self.hand(Resized(self.time, capacity))

    @rule(seconds=st.floats(0, 10))
    def tick(self, seconds):
        self.time += seconds
        self.hand(Tick(self.time))

    @rule(abandon=st.booleans())
    def cancel(self, abandon):
        self.abandoned = self.abandoned or abandon or self.run.phase == "draining"
        self.hand(Cancelled(self.time, abandon))

    @rule()
    def break_something(self):
        self.hand(Broke(self.time, OSError("disk full"), "the store could not be written"))

    @invariant()
    def everything_finished_is_told(self):
        if hasattr(self, "run"):
            assert self.run.learner.data == self.told

    @invariant()
    def never_more_out_than_places(self):
        """More than the capacity can be out only after it shrank; then nothing new is handed out."""
        if hasattr(self, "run"):
            submitted = [effect for effect in self.history[-1][1] if isinstance(effect, Submit)]
            assert not submitted or len(self.out) <= self.capacity
            assert self.withdrawals <= 1

    @invariant()
    def it_ends_when_nothing_is_left(self):
        if not hasattr(self, "run"):
            return
        run = self.run
        if run.phase == "running":
            assert self.out or run.to_retry or self.capacity == 0
        elif run.phase == "draining":
            assert self.out
        else:
            assert run.stop_reason
            assert run.status in ("finished", "exhausted", "failed", "cancelled")
            assert (run.error is not None) == (run.status == "failed")
            assert not run.learner.pending_points
        if run.phase == "running" and not isinstance(run.learner, Tolerant):
            assert not {failure.point for failure in run.failures} & set(self.out.values())

    def teardown(self):
        """The same history gives a fresh machine with a fresh learner the same effects and the same end."""
        if not hasattr(self, "run"):
            return
        again = fresh(self.arguments)
        for events, effects in self.history:
            assert again.handle(*events) == effects
        assert again.learner.data == self.run.learner.data
        assert again.learner.pending_points == self.run.learner.pending_points
        assert (again.phase, again.status, again.stop_reason) == (self.run.phase, self.run.status, self.run.stop_reason)
        assert again.to_retry == self.run.to_retry
        entries = self.run.take_entries()
        assert again.take_entries() == entries
        self.replay(entries)
        assert again.learner.ask(3, tell_pending=False) == self.run.learner.ask(3, tell_pending=False)

    def replay(self, entries):
        """The log alone gives a fresh learner the same state, and finds it answering as before."""
        log = MemoryLog()
        log.write(entries)
        learner = self.arguments[0](12)
        replay_log(learner, log.entries)
        assert learner.data == self.run.learner.data
        assert learner.gone == self.run.learner.gone
        assert learner.pending_points == self.run.learner.pending_points
        assert learner.ask(3, tell_pending=False) == self.run.learner.ask(3, tell_pending=False)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
