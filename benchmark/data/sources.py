"""A task's specification → its rows: the one place that chooses between built-in corpus, hub and local files."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from benchmark.core import suite as suites
from benchmark.core import task_kinds
from benchmark.core.errors import UsageError
from benchmark.core.suite import Source, TaskSpec
from benchmark.core.user_files import expand
from benchmark.data import builtin, files, hub
from benchmark.data.builtin import reviews
from benchmark.data.columns import ColumnSpec
from benchmark.data.labels import Labelling
from benchmark.data.task import Example, RawData, Task, make_task

BUILTIN_LABELS = ("scenario", "intent")
"""What the built-in corpus of utterances can be labelled by."""
BUILTIN = (*BUILTIN_LABELS, *reviews.TASKS)
"""The built-in data sets."""


@dataclass(frozen=True)
class SourceFacts:
    """What a list of datasets says about one of them."""

    name: str  # "builtin scenario", or a dataset's id and configuration
    kind: str  # builtin | hub | files
    rows: str  # train / validation / test; empty if not known before it is loaded
    synthetic: bool
    where: str  # where the rows come from, and the suites that use them


def load_task(
    spec: TaskSpec,
    *,
    data: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    limit_train: int | None = None,
    several: bool = False,
) -> Task:
    """Load the rows of `spec` and make its task.

    `data`, a folder or file, takes the place of the specified source; the suite's separator, column and file names hold
    for it too, because they say what the task's labels are. `text_column` and `label_column` win over the suite's.
    `limit_train` is a number of rows. `several`: the suite has other tasks, whose rows lie in the same folder. Raises
    UsageError if the rows can't be had or make no task.
    """
    source = spec.source
    if data is not None:
        source = dataclasses.replace(source, type="files", dataset=data, config=None, revision=None)
    source = dataclasses.replace(
        source,
        text_column=text_column or source.text_column,
        label_column=label_column or source.label_column,
    )
    columns = ColumnSpec(
        task=spec.name,
        text_column=source.text_column,
        label_column=source.label_column,
        label_separator=source.label_separator,
        labelling=Labelling(spec.kind, spec.low, spec.high),
        drop_incomplete=source.drop_incomplete,
    )
    if source.type == "builtin":
        if text_column or label_column:
            raise UsageError("--text-column and --label-column are for one's own rows: give them with --data FOLDER")
        rows = builtin_rows(source.dataset or spec.name, columns.labelling)
    elif source.type == "hub":
        rows = hub.load(source.dataset, source.config, source.revision, columns)
    else:
        rows = files.load(source.dataset, columns, source.files, several)
    if source.type == "files":
        source = dataclasses.replace(source, dataset=str(expand(source.dataset).absolute()))
    task = make_task(spec.name, spec.kind, spec.metric, rows, limit_train, columns.labelling)
    return dataclasses.replace(task, origin=source)


def builtin_rows(label: str, labelling: Labelling | None = None) -> RawData:
    """Return the built-in rows of the data set `label`: one of BUILTIN. Raises UsageError for another.

    `labelling` says how its labels are to be read; None: as they are.
    """
    if label in reviews.TASKS:
        return _review_rows(label, labelling)
    if label not in BUILTIN_LABELS:
        raise UsageError(f"the built-in corpus has no labels {label!r}: use one of {', '.join(BUILTIN)}")
    corpus = builtin.corpus()

    def rows(utterances: tuple[builtin.Utterance, ...]) -> tuple[Example, ...]:
        return tuple(Example(spoken.id, (spoken.text,), getattr(spoken, label)) for spoken in utterances)

    return RawData(
        train=rows(corpus.train),
        validation=rows(corpus.validation),
        test=rows(corpus.test),
        source=f"built-in corpus v{builtin.CORPUS_VERSION} (synthetic)",
        synthetic=True,
    )


def _review_rows(task: str, labelling: Labelling | None) -> RawData:
    """Return the built-in rows of a task of several; their labels must be such as the suite's kind of task can have."""
    corpus = reviews.corpus(task)
    sentences = len(corpus.train[0].texts)
    if labelling and task_kinds.kind(labelling.kind).sentences != sentences:
        raise UsageError(f"built-in {task!r} has {sentences} texts a row: a task of kind {labelling.kind} can't use it")

    def rows(examples: tuple[reviews.Example, ...]) -> tuple[Example, ...]:
        try:
            return tuple(
                Example(e.id, e.texts, labelling.canonical(e.label) if labelling else e.label) for e in examples
            )
        except ValueError as error:
            raise UsageError(f"built-in {task!r} has labels that don't suit the suite: {error}") from error

    return RawData(
        train=rows(corpus.train),
        validation=rows(corpus.validation),
        test=rows(corpus.test),
        source=f"built-in {task} corpus v{reviews.CORPUS_VERSION} (synthetic)",
        synthetic=True,
    )


def describe() -> tuple[SourceFacts, ...]:
    """Return the built-in sources, and those that built-in suites name."""
    users: dict[Source, list[str]] = {Source("builtin", label): [] for label in BUILTIN}
    for name in suites.names():
        for task in suites.load(name).tasks:
            users.setdefault(task.source, []).append(name)
    facts = []
    for source, named in users.items():
        is_builtin = source.type == "builtin"
        place = {"builtin": "in the package", "hub": "Hugging Face Hub, or --data FOLDER"}.get(source.type, "local")
        facts.append(
            SourceFacts(
                name=f"builtin {source.dataset}" if is_builtin else _title(source),
                kind=source.type,
                rows=_sizes(source.dataset) if is_builtin else "",
                synthetic=is_builtin,
                where=place + (f"; suite {', '.join(named)}" if named else ""),
            )
        )
    return tuple(facts)


def _title(source: Source) -> str:
    return f"{source.dataset} ({source.config})" if source.config else source.dataset


def _sizes(name: str) -> str:
    """Return how many rows the splits of a built-in data set have."""
    corpus = reviews.corpus(name) if name in reviews.TASKS else builtin.corpus()
    return " / ".join(f"{len(split):,}" for split in (corpus.train, corpus.validation, corpus.test))
