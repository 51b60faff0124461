"""How much each task counts: what is written, and what is refused."""

from __future__ import annotations

import pytest

from benchmark.core.errors import UsageError
from benchmark.data.task_weights import TaskWeights, parse_weights


def test_weights_as_written() -> None:
    weights = parse_weights("sst=2, quora=0.5")
    assert weights == TaskWeights((("quora", 0.5), ("sst", 2.0)))
    assert (weights.of("quora"), weights.of("sts")) == (0.5, 1.0)
    assert str(weights) == "quora=0.5,sst=2.0"
    assert parse_weights(str(weights)) == weights
    assert parse_weights(str(parse_weights("a=0.1234567890123"))).of("a") == 0.1234567890123
    assert parse_weights(None) == parse_weights("sst=1,quora=1.0") == TaskWeights()


@pytest.mark.parametrize("text", ["sst", "sst=-1", "sst=x", "=1", "sst=1,sst=2", "sst=inf", "sst=nan"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="each task once"):
        parse_weights(text)


def test_weights_are_of_tasks_that_are_there() -> None:
    parse_weights("sst=2").check(["sst", "quora"])
    with pytest.raises(UsageError, match="did you mean 'sst'"):
        parse_weights("sts=2").check(["sst", "quora"])
    with pytest.raises(UsageError, match="there are sst, quora"):
        parse_weights("weather=2").check(["sst", "quora"])
    with pytest.raises(UsageError, match="every task counts 0"):
        parse_weights("sst=0").check(["sst"])
