"""The real or fake test: who sees what, what is kept of it, and what comes of it."""

import json
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest
from skimage.color import rgb2lab

from ipycolorize.analysis.table2 import plot_rates
from ipycolorize.baselines.gray import Gray
from ipycolorize.fooling import Answer, fooling_rates, read_answers, wilson
from ipycolorize.journal import Journal, JournalError, read_journal
from ipycolorize.pairs import Pair, colorized_pairs, opposite, shrunk
from ipycolorize.realfake import Sitting, Trial, plan


def picture(value):
    return np.full((4, 6, 3), value, np.uint8)


def pairs(photographs, methods=("one", "two")):
    """A pair for each photograph and method; its synthetic picture is brighter than the real one."""
    return [
        Pair(f"p{number}", method, picture(number), picture(100 + number))
        for number in range(photographs)
        for method in methods
    ]


def sitting(folder, participant="Ada", photographs=12, **settings):
    settings = {"practice": 2, "vigilance": 0} | settings
    return Sitting(pairs(photographs), participant=participant, folder=folder, **settings)


def go_through(test, chosen, *, shown=(1.0, 1.0), count=None):
    """Answers as `chosen(trial)` says, to the end or a number of trials."""
    for _ in range(len(test.trials) - test.done if count is None else count):
        test.began()
        test.answer(chosen(test.current), shown=shown, reaction=0.5)


def right(trial):
    return trial.synthetic


def wrong(trial):
    return 3 - trial.synthetic


# -- the plan -----------------------------------------------------------------------------------------------


def test_nobody_sees_a_photograph_twice_and_the_methods_are_dealt_evenly():
    trials = plan(pairs(25, ("a", "b", "c")), practice=4, vigilance=3, seed="0")
    assert sorted(trial.photograph for trial in trials) == sorted(f"p{number}" for number in range(25))
    assert [trial.kind for trial in trials[:4]] == ["practice"] * 4
    assert Counter(trial.kind for trial in trials) == {"practice": 4, "vigilance": 3, "test": 18}
    tested = Counter(trial.method for trial in trials if trial.kind == "test")
    assert tested == {"a": 6, "b": 6, "c": 6}
    assert {trial.method for trial in trials if trial.kind == "vigilance"} == {"vigilance"}


def test_a_plan_can_be_repeated_and_differs_between_participants():
    one, again, other = (plan(pairs(12), practice=2, vigilance=1, seed=seed) for seed in "112")
    assert one == again
    assert one != other


def test_chance_decides_which_comes_first_and_who_gets_which_photograph():
    trials = [
        trial
        for number in range(200)
        for trial in plan(pairs(10), practice=1, vigilance=0, seed=str(number))
        if trial.kind == "test"
    ]
    count = Counter((trial.photograph, trial.method) for trial in trials)
    assert len(count) == 20
    assert all(60 < times < 120 for times in count.values()), "90 each, give or take chance"
    first = sum(trial.synthetic == 1 for trial in trials)
    assert binomtest(first, len(trials)).pvalue > 0.01
    fourth = Counter(plan(pairs(10), practice=0, vigilance=0, seed=str(n))[3].photograph for n in range(200))
    assert len(fourth) == 10, "any photograph can be the fourth"


def test_vigilance_pairs_come_somewhere():
    kinds = [
        [trial.kind for trial in plan(pairs(9), practice=1, vigilance=1, seed=str(n))] for n in range(40)
    ]
    places = {each.index("vigilance") for each in kinds}
    assert len(places) > 4


def test_a_photograph_that_only_one_method_coloured_is_shown_with_that():
    some = [*pairs(4, ("one",)), Pair("p9", "two", picture(9), picture(109), by="Bob")]
    (trial,) = [trial for trial in plan(some, practice=0, vigilance=0, seed="3") if trial.photograph == "p9"]
    assert (trial.method, trial.by) == ("two", "Bob")


def test_too_few_photographs_are_refused():
    with pytest.raises(ValueError, match=r"more photographs .* 2 \+ 1, got 3"):
        plan(pairs(3), practice=2, vigilance=1, seed="0")


# -- the pictures -------------------------------------------------------------------------------------------


def test_automatic_pairs_have_one_lightness_and_one_size(small, tiny):
    found = colorized_pairs({"china": small}, {"tiny": tiny, "gray": Gray()}, side=64)
    assert [(pair.photograph, pair.method) for pair in found] == [("china", "tiny"), ("china", "gray")]
    for pair in found:
        assert pair.real.shape == (64, 96, 3)
        assert np.abs(rgb2lab(pair.real)[..., 0] - rgb2lab(pair.synthetic)[..., 0]).mean() < 0.6
    assert np.ptp(found[1].synthetic.astype(int), axis=2).max() <= 1, "gray is gray"
    assert not np.array_equal(found[0].synthetic, found[0].real)


def test_opposite_colours_keep_the_lightness(crop):
    pale = (crop // 4 + 96).astype(np.uint8)  # whose opposite colours exist
    before, after = rgb2lab(pale), rgb2lab(opposite(pale))
    assert np.abs(after[..., 0] - before[..., 0]).max() < 1
    assert np.abs(after[..., 1:] + before[..., 1:]).max() < 2


def test_pictures_are_shrunk_but_never_enlarged(china):
    assert shrunk(china, 64).shape == (64, 96, 3)
    assert shrunk(china, 1000) is not None
    assert np.array_equal(shrunk(china, 1000), china)


def test_pairs_of_unequal_pictures_and_photographs_of_one_name_are_refused(small, tiny):
    with pytest.raises(ValueError, match="one shape for china"):
        Pair("china", "live", small, small[1:])
    with pytest.raises(ValueError, match="different names"):
        colorized_pairs([small, small], {"tiny": tiny})
    with pytest.raises(ValueError, match="at least one photograph"):
        colorized_pairs({}, {"tiny": tiny})


# -- one participant ----------------------------------------------------------------------------------------


def test_the_pictures_come_in_the_planned_order(tmp_path):
    test = sitting(tmp_path, vigilance=2)
    for trial in test.trials:
        shown = test.pictures()
        if trial.kind != "vigilance":
            assert shown[trial.synthetic - 1].max() >= 100 > shown[2 - trial.synthetic].max()
        test.answer(1, shown=(1, 1), reaction=1)
    assert test.current is None
    with pytest.raises(ValueError, match="picture 1 or 2"):
        test.answer(1, shown=(1, 1), reaction=1)


def test_who_comes_back_goes_on(tmp_path):
    first = sitting(tmp_path)
    go_through(first, right, count=5)
    again = sitting(tmp_path)
    assert again.done == 5
    assert again.current == first.current
    go_through(again, wrong)
    assert sitting(tmp_path).current is None
    answers = read_answers(tmp_path)
    assert [answer.trial for answer in answers] == [*first.trials]
    assert [answer.fooled for answer in answers] == [False] * 5 + [True] * 7


def test_another_test_under_the_same_name_is_refused(tmp_path):
    sitting(tmp_path)
    for other in ({"photographs": 13}, {"seconds": 0.5}, {"seed": 1}):
        with pytest.raises(JournalError, match="choose another name or folder"):
            sitting(tmp_path, **other)


@pytest.mark.parametrize("name", ["", "../Ada", "a/b", "Ada ", ".hidden", "x" * 99])
def test_a_name_that_cannot_be_a_files_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="participant's name"):
        sitting(tmp_path, participant=name)


@pytest.mark.parametrize("name", ["Ada", "7", "Ada L. 2", "Zoë_1-b"])
def test_ordinary_names_are_taken(tmp_path, name):
    go_through(sitting(tmp_path, participant=name), right)
    assert {answer.participant for answer in read_answers(tmp_path)} == {name}


def test_a_torn_line_costs_itself_only(tmp_path):
    go_through(sitting(tmp_path), right, count=3)
    path = tmp_path / "Ada.realfake.jsonl"
    with path.open("ab") as file:
        file.write(b'{"trial": 3, "chos')
    assert len(read_answers(tmp_path)) == 3
    again = sitting(tmp_path)
    assert again.done == 3
    go_through(again, right)
    assert len(read_answers(tmp_path)) == 12


def test_a_line_torn_within_a_letter_costs_itself_only(tmp_path):
    path = tmp_path / "j.jsonl"
    Journal(path, {"a": "é"}).append({"b": 2})
    with path.open("ab") as file:
        file.write(b'{"c": "\xc3')
    assert read_journal(path) == ({"a": "é"}, [{"b": 2}])


def test_a_disk_that_fills_up_within_a_line_leaves_nothing_of_it(tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "j.jsonl"
    journal = Journal(path, {"a": 1})
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 6000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            journal.append({"text": 9000 * "x"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    journal.append({"b": 2})
    assert read_journal(path) == ({"a": 1}, [{"b": 2}])


def test_an_answer_that_the_disk_refuses_is_not_taken_for_given(tmp_path, monkeypatch):
    test = sitting(tmp_path)
    go_through(test, right, count=2)
    before = (tmp_path / "Ada.realfake.jsonl").read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("ipycolorize.journal.os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            test.answer(1, shown=(1, 1), reaction=1)
    assert test.done == 2
    assert (tmp_path / "Ada.realfake.jsonl").read_bytes() == before
    go_through(test, right)
    assert sitting(tmp_path).current is None


def test_every_line_is_json_that_others_can_read(tmp_path):
    go_through(sitting(tmp_path), right)
    about, *lines = map(json.loads, (tmp_path / "Ada.realfake.jsonl").read_text().splitlines())
    assert about["participant"] == "Ada" and len(about["trials"]) == 12
    answers = [line for line in lines if "chosen" in line]
    assert [line["trial"] for line in answers] == [*range(12)]
    assert answers[0].keys() == {"trial", "time", "chosen", "shown", "reaction"}


def test_a_journal_with_nothing_but_a_torn_first_line_begins_anew(tmp_path):
    path = tmp_path / "j.jsonl"
    path.write_bytes(b'{"a": ')
    Journal(path, {"a": 1}).append({"b": 2})
    assert read_journal(path) == ({"a": 1}, [{"b": 2}])


# -- the result ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hits", "count"), [(0, 10), (3, 10), (10, 10), (84, 280), (1, 1)])
def test_the_interval_is_wilsons(hits, count):
    expected = binomtest(hits, count).proportion_ci(0.95, method="wilson")
    assert wilson(hits, count) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_without_answers_nothing_is_known():
    assert wilson(0, 0) == (0, 1)


def test_rates_of_all_participants(tmp_path):
    """ "one" always fools Ada, "two" nobody; Bob is never fooled."""
    go_through(sitting(tmp_path), lambda trial: wrong(trial) if trial.method == "one" else right(trial))
    go_through(sitting(tmp_path, participant="Bob"), right)
    one, two = fooling_rates(tmp_path)
    assert (one.method, one.participants, one.answers, one.fooled, one.rate) == ("one", 2, 10, 5, 0.5)
    assert (two.method, two.participants, two.answers, two.fooled, two.rate) == ("two", 2, 10, 0, 0)
    assert (one.low, one.high) == wilson(5, 10)
    assert one.left_out == two.left_out == 0


def answer(participant="Ada", kind="test", fooled=False, shown=(1.0, 1.0), views=1):
    trial = Trial("p", "m" if kind == "test" else kind, "", 1, kind)
    return Answer(participant, trial, 2 if fooled else 1, shown, 1.0, 0.5, views, "")


def test_what_was_seen_too_long_too_short_or_twice_does_not_count():
    good = [answer(fooled=True), answer(shown=(1.05, 0.95))]
    bad = [answer(shown=(1.3, 1)), answer(shown=(1, 0.8)), answer(views=2), answer(views=0)]
    (rate,) = fooling_rates([*good, *bad])
    assert (rate.answers, rate.fooled, rate.left_out) == (2, 1, 4)
    (nothing,) = fooling_rates(bad)
    assert nothing.answers == 0 and math.isnan(nothing.rate)


def test_practice_does_not_count():
    assert fooling_rates([answer(kind="practice", fooled=True)]) == []


def test_who_does_not_look_is_left_out():
    asleep = [answer("Bob", "vigilance", fooled=fooled) for fooled in (True, True, False)]
    awake = [answer("Ada", "vigilance", fooled=fooled) for fooled in (True, False, False, False)]
    given = [*asleep, *awake, answer("Bob", fooled=True), answer("Ada"), answer("Eve", fooled=True)]
    (rate,) = fooling_rates(given)
    assert (rate.participants, rate.answers, rate.fooled, rate.left_out) == (2, 2, 1, 1)
    (lenient,) = fooling_rates(given, watchful=0.3)
    assert lenient.answers == 3


def test_a_pair_shown_again_after_a_reload_counts_its_views(tmp_path):
    test = sitting(tmp_path, practice=0)
    test.began()
    test.began()
    test.answer(1, shown=(1, 1), reaction=1)
    go_through(test, right)
    views = [answer.views for answer in read_answers(tmp_path)]
    assert views == [2] + [1] * 11


def test_times_are_kept(tmp_path):
    test = sitting(tmp_path, seconds=2.0)
    test.began()
    test.answer(2, shown=(2.0123, 1.9988), reaction=0.7312)
    (found,) = read_answers(tmp_path)
    assert (found.shown, found.asked, found.reaction) == ((2.0123, 1.9988), 2.0, 0.731)
    assert found.valid
    assert not replace(found, asked=1.0).valid


def test_a_folder_without_answers_and_a_damaged_file_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"files named \*.realfake.jsonl"):
        read_answers(tmp_path)
    path = tmp_path / "Ada.realfake.jsonl"
    for text in (
        "no json\n",
        '{"participant": "Ada"}\n{"trial": 0}\n',
        '{"trials": []}\n{"trial":0,"chosen":1}\n',
    ):
        path.write_text(text)
        with pytest.raises(JournalError, match=r"Ada\.realfake"):
            read_answers(tmp_path)


def test_the_figure_shows_every_rate_that_has_answers_and_its_interval():
    given = [answer(fooled=fooled) for fooled in (True, False, False, False)]
    (rate,) = fooling_rates(given)
    (nothing,) = fooling_rates([replace(given[0], views=2)])
    figure = plot_rates([rate, nothing])
    (axes,) = figure.get_axes()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["m"]
    interval, mean, half = (line.get_xdata() for line in axes.lines)
    assert (*interval, *mean, *half) == pytest.approx((100 * rate.low, 100 * rate.high, 25, 50, 50))
    assert "25.0 %, 1 of 4" in [text.get_text() for text in axes.texts]
    with pytest.raises(ValueError, match="has anybody taken the test"):
        plot_rates([nothing])
