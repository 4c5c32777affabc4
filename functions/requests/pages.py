"""Requests for a page of a list, without filters."""

from functions.http.models import Paged

__all__ = ["Paged"]
