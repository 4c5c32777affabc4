"""Steps that many use cases share: once for each idempotency key, and anew where a reading is outdated."""

import pytest

from ctrip.domain.errors import AlreadyExists, Busy, Conflict, Contended, KeyReused, Stale
from ctrip.ports.idempotency import Idempotency, Remembered
from ctrip.services.shared.once import Answer, Once
from ctrip.services.shared.retry import on_stale

KEY = Idempotency("m1", "route", "key", "hash")
DONE = Remembered("hash", answer='{"by": "the other"}')


class Memory:
    """Remembers what it is told to, from the moment that `do` runs."""

    def __init__(self, before=None, meanwhile=None):
        self.held, self.meanwhile, self.asked = before, meanwhile, 0

    def remembered(self, owner, route, key):
        assert (owner, route, key) == ("m1", "route", "key")
        self.asked += 1
        return self.held

    def raising(self, error):
        """Fail as a commit does that came second."""

        def do():
            self.held = self.meanwhile
            raise error

        return do


def test_a_key_that_has_its_answer_does_nothing():
    """The same body gets the first answer, another body is refused."""
    once = Once(Memory(before=DONE))
    assert once.run(KEY, lambda: pytest.fail("it was done twice")) == Answer({"by": "the other"}, replayed=True)
    with pytest.raises(KeyReused):
        once.run(Idempotency("m1", "route", "key", "another"), lambda: pytest.fail("it was done twice"))


def test_without_a_key_it_is_done_each_time_and_nobody_is_asked():
    """Nothing is remembered."""
    memory = Memory(before=DONE)
    assert Once(memory).run(None, lambda: Answer({"n": 1})) == Answer({"n": 1})
    assert memory.asked == 0


@pytest.mark.parametrize(
    "error", [AlreadyExists("idempotency"), AlreadyExists("order"), Conflict("It is cancelled already.")]
)
def test_who_loses_the_race_gets_the_answer_of_who_won(error):
    """Whether the key itself was taken, or what the other call did is in the way."""
    memory = Memory(meanwhile=DONE)
    assert Once(memory).run(KEY, memory.raising(error)) == Answer({"by": "the other"}, replayed=True)


@pytest.mark.parametrize("error", [AlreadyExists("idempotency"), Contended()])
def test_while_the_other_has_no_answer_yet_the_caller_is_asked_to_repeat(error):
    """With the code and the pause that clients know."""
    memory = Memory()
    with pytest.raises(Conflict) as caught:
        Once(memory).run(KEY, memory.raising(error))
    assert (caught.value.code, caught.value.retry_after) == ("idempotency_in_progress", 1)


@pytest.mark.parametrize("error", [AlreadyExists("order"), Conflict("No."), Busy(), ValueError("ours")])
def test_what_fails_for_its_own_reasons_is_raised_as_it_is(error):
    """The key is as new as it was."""
    memory = Memory()
    with pytest.raises(type(error)) as caught:
        Once(memory).run(KEY, memory.raising(error))
    assert caught.value is error


def test_without_a_key_contention_stays_what_it_is():
    """Nobody else answers this call."""
    with pytest.raises(Contended):
        Once(Memory()).run(None, Memory().raising(Contended()))


@pytest.mark.parametrize("stale", range(5))
def test_a_decision_is_made_anew_where_its_reading_is_outdated_a_few_times(stale):
    """Each attempt reads for itself; in the end the caller is told in words of its own."""
    made = []

    def attempt():
        made.append(1)
        if len(made) <= stale:
            raise Stale
        return len(made)

    def run():
        return on_stale(attempt, tries=3, otherwise=Conflict("It is changing.", code="changing"))

    if stale < 3:
        assert run() == stale + 1
    else:
        with pytest.raises(Conflict, match="changing"):
            run()
        assert len(made) == 3
