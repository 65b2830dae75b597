"""The learning rate: warm-up, decay, and an end that moves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elmo_lite.pretraining.schedule import Schedule


def factors(schedule: Schedule, steps: int) -> list[float]:
    return [schedule.factor(step) for step in range(steps)]


def test_warm_up_and_decay() -> None:
    found = factors(Schedule(4, 100), 101)
    assert found[:5] == [0.25, 0.5, 0.75, 1, 1]
    assert found[4:] == pytest.approx([(100 - step) / 96 for step in range(4, 101)])
    assert found[100] == Schedule(4, 100).factor(120) == 0


@pytest.mark.parametrize("max_steps", [1, 2, 15])
@pytest.mark.parametrize("warmup_steps", [0, 1, 1000])
def test_a_short_run(max_steps: int, warmup_steps: int) -> None:
    """Warm-up is cut to a tenth, and no step is wasted on a learning rate of zero."""
    found = factors(Schedule(warmup_steps, max_steps), max_steps)
    assert max(found) == 1 and min(found) > 0


def test_a_moved_end() -> None:
    """The rate goes on from where it is, and falls to zero at the new end."""
    schedule = Schedule(4, 100)
    before = factors(schedule, 53)
    schedule.move(52, 148)
    assert schedule.end == 148 and factors(schedule, 53) == before
    assert before[52] == pytest.approx(0.5) and schedule.factor(100) == pytest.approx(0.25)
    assert schedule.factor(147) > 0 == schedule.factor(148)
    schedule.move(100, 110)
    assert schedule.end == 110 and schedule.factor(105) == pytest.approx(0.125) and schedule.factor(110) == 0


@given(st.integers(1, 200), st.lists(st.tuples(st.integers(1, 50), st.integers(1, 200)), max_size=6))
def test_any_moves_fall_without_a_jump(max_steps: int, jumps: list[tuple[int, int]]) -> None:
    """After the warm-up, rates never rise; they depend on recorded moves alone, not on when those were made."""
    schedule, step = Schedule(5, max_steps), Schedule(5, max_steps).warmup
    live: list[float] = factors(schedule, step)
    for steps, end in jumps:
        if step + steps >= schedule.end:
            break
        live += [schedule.factor(k) for k in range(step, step + steps)]
        step += steps
        schedule.move(step, step + end)
    live += [schedule.factor(k) for k in range(step, schedule.end + 1)]
    assert factors(Schedule(5, max_steps, schedule.moves), schedule.end + 1) == live
    after = live[schedule.warmup :]
    assert all(0 <= later <= earlier for earlier, later in zip(after, after[1:], strict=False))
    assert live[-1] == 0 and all(value > 0 for value in live[:-1])
