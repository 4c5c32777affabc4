"""What stops the local stack from starting.

Refused         the machine or the request is not right; one line for a person, exit 2
Failed          something that was started broke; a line and its log, exit 1
"""

from __future__ import annotations


class Refused(Exception):
    """The command cannot start here, and its message says what to do about it."""


class Failed(Exception):
    """A part of the stack stopped or never became ready."""
