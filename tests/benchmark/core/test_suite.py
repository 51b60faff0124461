"""Suites: the built-in ones load, and every mistake in a file gets one line that names it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmark.core.errors import UsageError
from benchmark.core.suite import FileNames, load, names, parse

GOOD = """
name = "mine"
title = "My data"
encoder = "tiny"
epochs = 1
batch_size = 16
max_length = 32
selection = "best"

[[tasks]]
name = "scenario"
source = { type = "files", dataset = "data", text_column = "utt" }
"""


def test_the_built_in_suites() -> None:
    assert names() == (
        "cfimdb",
        "cs224n",
        "massive-intent",
        "massive-scenario",
        "quick",
        "quick-tasks",
        "quora",
        "sst5",
        "stsb",
    )
    for name in names():
        suite = load(name)
        assert suite.name == name
        assert suite.title
    assert load("quick").tasks[0].source.type == "builtin"
    for name in ("massive-scenario", "massive-intent"):
        found = load(name)
        assert (found.encoder, found.epochs, found.batch_size) == ("bert-base-uncased", 10, 16)
        assert found.tasks[0].source.dataset == f"mteb/amazon_{name.replace('-', '_')}"
    assert load("massive-scenario").tasks[0].name == "scenario"


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD, encoding="utf-8")
    suite = load(str(tmp_path / "mine.toml"))
    assert suite.tasks[0].source.dataset == str(tmp_path / "data")  # beside the suite, not where bench was started
    assert (suite.name, suite.limit_train) == ("mine", None)
    assert suite.tasks[0].source.text_column == "utt"
    assert suite.tasks[0].metric == "accuracy"
    assert parse(GOOD.replace("epochs = 1", "epochs = 1\nlimit_train = 50"), "x").limit_train == 50


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("epochs = 1", "epoch = 1", "unknown key 'epoch': did you mean 'epochs'?"),
        ("epochs = 1", "zzz = 1", "unknown key 'zzz': known keys are name, title, encoder"),
        ("epochs = 1", "", "epochs must be given"),
        ("epochs = 1\nbatch_size = 16", "", "epochs and batch_size must be given"),
        ("epochs = 1", "epochs = 0", "epochs must be at least 1"),
        ("epochs = 1", "epochs = 1.5", "epochs must be a whole number, not 1.5"),
        ("epochs = 1", "epochs = true", "epochs must be a whole number, not True"),
        ("epochs = 1", 'epochs = "1"', "epochs must be a whole number, not '1'"),
        ("epochs = 1", "epochs = 1\nlimit_train = 0", "limit_train must be at least 1"),
        ("batch_size = 16", "batch_size = 1", "batch_size must be at least 2"),
        ("max_length = 32", "max_length = 2", "max_length must be at least 4"),
        ('selection = "best"', 'selection = "luckiest"', "selection must be one of best, last"),
        ('encoder = "tiny"', "encoder = 3", "encoder must be text, not 3"),
        (
            'name = "mine"',
            'name = "my suite"',
            "name must be made of letters, digits, '-', '_' and '.', and begin with a letter or digit, not 'my suite'",
        ),
        ('name = "mine"', 'name = ""', "name must be made of letters"),
        ('name = "scenario"', 'name = "a/b"', "a task's name must be made of letters"),
        ('name = "scenario"', 'name = "x"\nmetrics = "f1"', "tasks: unknown key 'metrics': did you mean 'metric'?"),
        (
            'name = "scenario"',
            'name = "x"\nmetric = "f1"',
            "the metric of a task of kind classes must be one of accuracy, macro_f1, not 'f1'",
        ),
        (
            'name = "scenario"',
            'name = "x"\nkind = "poem"',
            "kind must be one of classes, pair-binary, pair-regression, pair-classes",
        ),
        ('name = "scenario"', "", "tasks: name must be given"),
        ('type = "files"', 'type = "ftp"', "type must be one of builtin, hub, files"),
        ('type = "files", ', "", "source: type must be given"),
        ("text_column", "txt_column", "source: unknown key 'txt_column': did you mean 'text_column'?"),
        ("source =", "sauce =", "every [[tasks]] needs a source"),
        ("[[tasks]]", "[tasks]", "has no [[tasks]]"),
        ("epochs = 1", "epochs = ", "here is not TOML"),
    ],
)
def test_mistakes_in_a_file(before: str, after: str, says: str) -> None:
    assert before in GOOD
    with pytest.raises(UsageError) as raised:
        parse(GOOD.replace(before, after, 1), "here")
    line = str(raised.value)
    assert line.startswith("here")
    assert says in line
    assert "\n" not in line


PAIR = GOOD.replace('name = "scenario"', 'name = "sts"\nkind = "pair-regression"\nlow = 0\nhigh = 5').replace(
    "source = {", 'source = { files = { train = "a.csv", test = "b.csv" },'
)


def test_a_task_of_numbers() -> None:
    (task,) = parse(PAIR, "here").tasks
    assert (task.kind, task.metric, task.low, task.high) == ("pair-regression", "pearson", 0.0, 5.0)
    assert task.source.files == FileNames(train="a.csv", test="b.csv")
    assert parse(PAIR.replace("high = 5", 'high = 5\nmetric = "spearman"'), "here").tasks[0].metric == "spearman"


def test_a_suite_may_still_use_a_kinds_former_name() -> None:
    assert parse(PAIR.replace("pair-regression", "pair-number"), "here") == parse(PAIR, "here")


@pytest.mark.parametrize(
    ("high", "says"),
    [
        ("inf", "high must be a finite number, not inf"),
        ("1e5", "low and high of pair-classes must be less than 1,000 apart"),
        ("1e7", "low and high must lie between -1,000,000 and 1,000,000"),
        ("1e-9", "low and high must lie between -1,000,000 and 1,000,000, not closer than a millionth"),
        ("2.5", "low and high of pair-classes must be whole numbers"),
    ],
)
def test_the_classes_from_low_to_high_are_few_whole_numbers(high: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse(PAIR.replace("pair-regression", "pair-classes").replace("high = 5", f"high = {high}"), "here")


def test_rounded_numbers_may_be_ranked_by_correlation_and_names_may_not() -> None:
    rounded = PAIR.replace("pair-regression", "pair-classes").replace("low = 0", 'metric = "pearson"\nlow = 0')
    assert parse(rounded, "here").tasks[0].metric == "pearson"
    with pytest.raises(UsageError, match="pair-classes must be one of accuracy, macro_f1, not 'pearson'"):
        parse(rounded.replace("low = 0\nhigh = 5", ""), "here")


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("low = 0\n", "", "needs low and high, such as low = 0 and high = 5"),
        ("low = 0", "low = 5", "low must be below high"),
        ("low = 0", 'low = "0"', "low must be a number, not '0'"),
        ("high = 5", "high = inf", "high must be a finite number, not inf"),
        ("low = 0", "low = nan", "low must be a finite number, not nan"),
        ("high = 5", f"high = {10**400}", "high must be a finite number, not 1000"),
        (
            '{ train = "a.csv", test = "b.csv" }',
            '{ train = "x/a.csv", test = "b.csv" }',
            "are names in the data folder",
        ),
        ("pair-regression", "pair-binary", "low and high are for numbers: a task of kind pair-binary has none"),
        ("high = 5", 'high = 5\nmetric = "mean_squared_error"', "must be one of pearson, spearman, not"),
        ('train = "a.csv", ', "", "files must name train and test, or whole"),
        ("train =", "trian =", "unknown key 'trian': did you mean 'train'?"),
        ('{ train = "a.csv", test = "b.csv" }', '"a.csv"', "files must be a table"),
        ("source = {", "source = { drop_incomplete = 1,", "drop_incomplete must be true or false, not 1"),
    ],
)
def test_mistakes_in_a_task_of_numbers(before: str, after: str, says: str) -> None:
    assert before in PAIR
    with pytest.raises(UsageError) as raised:
        parse(PAIR.replace(before, after, 1), "here")
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_suites_of_the_multi_task_report() -> None:
    tasks = load("cs224n").tasks
    assert [(task.name, task.kind, task.metric) for task in tasks] == [
        ("sst", "classes", "accuracy"),
        ("quora", "pair-binary", "accuracy"),
        ("sts", "pair-regression", "pearson"),
    ]
    # A task by itself is the same task, so that one model for all can be compared with three.
    assert tasks == (load("sst5").tasks[0], load("quora").tasks[0], load("stsb").tasks[0])
    assert {load(name).epochs for name in ("cs224n", "sst5", "quora", "stsb", "cfimdb")} == {3}
    assert [task.kind for task in load("quick-tasks").tasks] == ["classes", "pair-binary", "pair-regression"]


@pytest.mark.parametrize("other", ["scenario", "Scenario"])
def test_two_tasks_of_one_name(other: str) -> None:
    task = GOOD[GOOD.index("[[tasks]]") :]
    with pytest.raises(UsageError, match="two tasks have the same name"):
        parse(GOOD + task.replace("scenario", other), "here")


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("epochs = 1", f"epochs = {'9' * 5000}", "here is not TOML: Exceeds the limit"),
        ("epochs = 1", f"epochs = {10**23}", "epochs must be at most 100,000, not 1000000"),
        (
            "epochs = 1",
            f"epochs = 0x{'f' * 5000}",
            "epochs must be at most 100,000, not a number of thousands",
        ),
        ("epochs = 1", "epochs = -1", "epochs must be at least 1, not -1"),
        ("epochs = 1", "epochs = inf", "epochs must be a whole number, not inf"),
        ("epochs = 1", "epochs = 2020-01-01", "epochs must be a whole number, not datetime.date(2020, 1, 1)"),
        ("epochs = 1", "epochs = [1]", "epochs must be a whole number, not [1]"),
        ("epochs = 1", f"epochs = {'[' * 20_000}", "here is not TOML: "),
        ("epochs = 1", "epochs = 1\nepochs = 2", "here is not TOML: Cannot overwrite a value"),
        ("batch_size = 16", f"batch_size = {10**12}", "batch_size must be at most 1,000,000"),
        ("max_length = 32", f"max_length = {10**12}", "max_length must be at most 1,000,000"),
        ("epochs = 1", f"epochs = 1\nlimit_train = {10**23}", "limit_train must be at most 1,000,000,000"),
        ('name = "mine"', f'name = "{"m" * 5000}"', "name has 5,000 characters: use at most 64"),
        ('name = "scenario"', f'name = "{"m" * 65}"', "a task's name has 65 characters: use at most 64"),
        ('name = "scenario"', 'name = "Con.x"', "a task's name can't be 'Con.x', which is no file name on Windows"),
        ('name = "scenario"', 'name = "x."', "a task's name can't be 'x.', which is no file name on Windows"),
        ('name = "scenario"', 'name = "🙂"', "a task's name must be made of letters"),
        ('name = "scenario"', 'name = ".."', "a task's name must be made of letters"),
        ('name = "scenario"', 'name = "a\\n"', "tasks: name holds a control character"),
        ('title = "My data"', 'title = " "', "title is empty: give a value"),
        ('title = "My data"', f'title = "{"m" * 5000}"', "title has 5,000 characters: use at most 1,000"),
        ('title = "My data"', 'title = "a\\nb"', "title holds a control character"),
        ('title = "My data"', 'title = "a\\u001bb"', "title holds a control character"),
        ('encoder = "tiny"', 'encoder = ""', "encoder is empty: give a value"),
        (
            "[[tasks]]",
            "[defaults]\nlr = [1]\n[[tasks]]",
            "defaults: 'lr' must be a number, text, true or false",
        ),
        ("[[tasks]]", "[defaults]\nlr = 2020-01-01\n[[tasks]]", "defaults: 'lr' must be a number, text, true or false"),
        ("[[tasks]]", "defaults = 3\n[[tasks]]", "[defaults] must be a table of parameters"),
        ('dataset = "data"', 'dataset = "a\\u0000b"', "dataset holds a control character"),
        ('text_column = "utt"', 'text_column = ""', "text_column is empty: give a value"),
        ('type = "files", dataset = "data"', 'type = "hub", dataset = ""', "dataset must be given"),
    ],
)
def test_what_an_attacker_writes(before: str, after: str, says: str) -> None:
    test_mistakes_in_a_file(before, after, says)


def test_files_that_can_not_be_had(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^unknown suite 'quik': did you mean 'quick'\?$"):
        load("quik")
    with pytest.raises(UsageError, match=r"^unknown suite 'zzzz': there are cfimdb, .* or give a \.toml file$"):
        load("zzzz")
    with pytest.raises(UsageError, match=r"~nosuchuser/x\.toml: no such user"):
        load("~nosuchuser/x.toml")
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(UsageError, match=r"pipe\.toml is neither a file nor a folder"):
        load(str(tmp_path / "pipe.toml"))
    (tmp_path / "marked.toml").write_text(GOOD, encoding="utf-8-sig")
    assert load(str(tmp_path / "marked.toml")).name == "mine"
    with pytest.raises(UsageError, match="doesn't exist: check the path"):
        load(str(tmp_path / "none.toml"))
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(UsageError, match="can't be read: Is a directory"):
        load(str(tmp_path / "folder.toml"))
    (tmp_path / "latin.toml").write_bytes(GOOD.replace("My", "Mé").encode("latin-1"))
    with pytest.raises(UsageError, match=r"is not UTF-8 \(line 3\): save it as UTF-8"):
        load(str(tmp_path / "latin.toml"))
