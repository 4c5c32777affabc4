"""Jobs: one spelling for both ends, and nothing believed of what is none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctrip.domain.jobs import ScanJob, SweepJob, WebhookJob, decode_job, encode_job, job_of

TEXT = st.text(max_size=40)
JOBS = st.one_of(
    st.builds(WebhookJob, TEXT, TEXT, TEXT, st.integers(min_value=1), st.integers(min_value=0), TEXT),
    st.builds(SweepJob, TEXT, TEXT),
    st.builds(ScanJob, TEXT, TEXT),
)


@given(JOBS)
def test_what_one_end_writes_the_other_reads(job):
    """Every job, member for member, also with members that a newer sender has added."""
    body = encode_job(job)
    assert decode_job(type(job), body) == job
    assert decode_job(type(job), json.dumps(json.loads(body) | {"newer": [1]})) == job


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        '"s3cret"',
        "{",
        "{}",
        '{"merchant_id": "m1"}',
        '{"merchant_id": "m1", "event": 5}',
        '{"merchant_id": "m1", "event": "e", "attempt": "s3cret"}',
        '{"merchant_id": "m1", "event": "e", "attempt": true}',
        '{"merchant_id": null, "event": "e"}',
    ],
)
def test_what_is_no_job_is_refused_without_a_word_of_it(body):
    """The message goes into a log, and who sent it is not known."""
    with pytest.raises(ValueError, match="a job") as caught:
        decode_job(WebhookJob, body)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("event", [{}, {"chain": 1}, {"chain": None, "request_id": ""}])
def test_a_function_that_is_called_with_something_else_refuses_it(event):
    """A scan is asked for by an event that is decoded already."""
    with pytest.raises(ValueError, match="a job"):
        job_of(ScanJob, event)
