"""A task's specification → its rows: the one place that chooses between built-in corpus, hub and local files."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark import suite as suites
from benchmark.data import builtin, files, hub
from benchmark.data.columns import Wanted
from benchmark.data.task import Row, Rows, Task, make_task
from benchmark.errors import UsageError
from benchmark.suite import Source, TaskSpec

BUILTIN_LABELS = ("scenario", "intent")
"""What the built-in corpus can be labelled by."""


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
) -> Task:
    """Load the rows of `spec` and make its task.

    `data`, a folder, takes the place of the specified source; the suite's separator and column names hold for it too,
    because they say what the task's labels are. `text_column` and `label_column` win over the suite's. `limit_train` is
    a number of rows. Raises UsageError if the rows can't be had or make no task.
    """
    source = Source(type="files", dataset=data, **_columns(spec.source)) if data is not None else spec.source
    wanted = Wanted(
        task=spec.name,
        text_column=text_column or source.text_column,
        label_column=label_column or source.label_column,
        label_separator=source.label_separator,
    )
    if source.type == "builtin":
        if text_column or label_column:
            raise UsageError("--text-column and --label-column are for one's own rows: give them with --data FOLDER")
        rows = builtin_rows(source.dataset or spec.name)
    elif source.type == "hub":
        rows = hub.load(source.dataset, source.config, source.revision, wanted)
    else:
        rows = files.load(source.dataset, wanted)
    return make_task(spec.name, spec.kind, spec.metric, rows, limit_train)


def builtin_rows(label: str) -> Rows:
    """Return the built-in corpus, labelled by `label`: one of BUILTIN_LABELS. Raises UsageError for another."""
    if label not in BUILTIN_LABELS:
        raise UsageError(f"the built-in corpus has no labels {label!r}: use one of {', '.join(BUILTIN_LABELS)}")
    corpus = builtin.corpus()

    def rows(utterances: tuple[builtin.Utterance, ...]) -> tuple[Row, ...]:
        return tuple(Row(one.id, (one.text,), getattr(one, label)) for one in utterances)

    return Rows(
        train=rows(corpus.train),
        validation=rows(corpus.validation),
        test=rows(corpus.test),
        source=f"built-in corpus v{builtin.CORPUS_VERSION} (synthetic)",
        synthetic=True,
    )


def describe() -> tuple[SourceFacts, ...]:
    """Return the built-in sources, and those that built-in suites name."""
    corpus = builtin.corpus()
    rows = " / ".join(f"{len(split):,}" for split in (corpus.train, corpus.validation, corpus.test))
    users: dict[Source, list[str]] = {Source("builtin", label): [] for label in BUILTIN_LABELS}
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
                rows=rows if is_builtin else "",
                synthetic=is_builtin,
                where=place + (f"; suite {', '.join(named)}" if named else ""),
            )
        )
    return tuple(facts)


def _title(source: Source) -> str:
    return f"{source.dataset} ({source.config})" if source.config else source.dataset


def _columns(source: Source) -> dict[str, str | None]:
    return {
        "text_column": source.text_column,
        "label_column": source.label_column,
        "label_separator": source.label_separator,
    }
