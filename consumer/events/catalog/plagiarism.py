"""Submissions that are to be checked for plagiarism again."""

from __future__ import annotations

from typing import ClassVar

from consumer.events.catalog.submission import Submission


class PlagiarismResubmit(Submission):
    """A submission is to be sent to the plagiarism checker again."""

    event_name: ClassVar[str] = "plagiarism_resubmit"
