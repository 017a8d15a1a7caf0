"""Journals that two programs continue, or that go away."""

import json

import pytest

from ipycolorize.journal import Journal, JournalError, read_journal


def test_of_two_who_continue_a_journal_the_slower_one_is_told_and_nothing_is_lost(tmp_path):
    path = tmp_path / "a.jsonl"
    first, second = (Journal(path, {"about": 1}) for _ in range(2))
    first.append({"answer": 1})
    with pytest.raises(JournalError, match="somebody else has gone on with it"):
        second.append({"answer": 2})
    assert second.records == []
    first.append({"answer": 3})
    assert read_journal(path) == ({"about": 1}, [{"answer": 1}, {"answer": 3}])
    Journal(path, {"about": 1}).append({"answer": 4})
    assert len(read_journal(path)[1]) == 3


def test_a_journal_that_was_taken_away_is_not_begun_in_the_middle(tmp_path):
    path = tmp_path / "a.jsonl"
    journal = Journal(path, {"about": 1})
    path.unlink()
    with pytest.raises(JournalError, match="open this one again"):
        journal.append({"answer": 1})
    assert not path.exists() or path.read_bytes() == b""


def test_a_torn_line_of_somebody_who_died_goes(tmp_path):
    path = tmp_path / "a.jsonl"
    Journal(path, {"about": 1}).append({"answer": 1})
    with path.open("ab") as file:
        file.write(b'{"answer": ')
    Journal(path, {"about": 1}).append({"answer": 2})
    assert [json.loads(line) for line in path.read_text().splitlines()][1:] == [{"answer": 1}, {"answer": 2}]
