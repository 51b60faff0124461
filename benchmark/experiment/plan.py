"""From what a person asked to the cells that will be measured. Nothing is trained or written here.

Everything that can be wrong with arguments is found now: unknown names, values out of range, techniques that clash,
data and encoders that can't be had.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmark.core import registry
from benchmark.core.cell import SCHEME, Cell, Protocol
from benchmark.core.errors import SkippedError, UsageError
from benchmark.core.parameters import Parameter, Settings, Value
from benchmark.core.record import Tuning
from benchmark.core.suite import LIMITS, SELECTIONS, Suite, check_limit
from benchmark.core.suite import load as load_suite
from benchmark.data.sources import load_task
from benchmark.data.task import Task
from benchmark.experiment.code_digest import code_digest
from benchmark.experiment.device import arithmetic_switches, choose_device, choose_threads
from benchmark.experiment.environment import versions
from benchmark.experiment.request import FIRST_TUNING_SEED, Assignment, Request
from benchmark.model.catalogue import EncoderSource, resolve
from benchmark.model.states import check_limits
from benchmark.train.method_handle import MethodHandle, resolve_method
from benchmark.train.recipe import Budget

PRECISIONS = ("fp32", "bf16")
FORWARDS = ("packed", "stock")
COUNT_FROM_PADDING = ("camembert", "mpnet", "roberta", "xlm-roberta")
"""Types of encoder whose first token stands at the position after the padding token's id."""


@dataclass(frozen=True)
class Plan:
    """Cells and what they are made of."""

    suite: Suite  # with the request's overrides
    tasks: tuple[Task, ...]
    encoder: EncoderSource
    device: str  # cpu | cuda:0 | mps
    cells: tuple[Cell, ...]
    tuning: Mapping[str, Tuning] = dataclasses.field(default_factory=dict)  # of tuned cells, by id
    skipped: Mapping[str, str] = dataclasses.field(default_factory=dict)  # method without meaning for the suite → why
    threads: int | None = None  # of one operation on the CPU; None: as torch chooses

    def without_test(self) -> Plan:
        """Return the plan with not a row of a test split left: choosing must not see one (law 3).

        The cells still say by its hash which test split belongs to their protocol.
        """
        tasks = (replace(task, test=replace(task.test, ids=(), texts=(), labels=())) for task in self.tasks)
        return replace(self, tasks=tuple(tasks))

    @property
    def budget(self) -> Budget:
        """What every method is granted."""
        return Budget(self.suite.epochs, self.suite.batch_size, self.suite.selection)


def plan(request: Request) -> Plan:
    """Return the cells of `request`, seeds outermost: an interrupted run has whole columns. Raises UsageError."""
    suite = _overridden(load_suite(request.suite), request)
    if request.precision not in PRECISIONS:
        raise UsageError(f"--precision {request.precision!r}: choose one of {', '.join(PRECISIONS)}")
    if request.forward not in FORWARDS:
        raise UsageError(f"--forward {request.forward!r}: choose one of {', '.join(FORWARDS)}")
    if not request.seeds or min(request.seeds) < 0:
        raise UsageError("no seeds: give --seeds N with N of at least 1, or --seed S")
    if max(request.seeds) >= FIRST_TUNING_SEED:
        raise UsageError(
            f"seeds from {FIRST_TUNING_SEED:,} on are for tuning: choose one below, not {max(request.seeds)}"
        )
    check_limits()
    budget = Budget(suite.epochs, suite.batch_size, suite.selection)
    variants = _variants(request, suite, budget)
    device = choose_device(request.device)
    threads = choose_threads(request.threads, device)
    tasks = _tasks(suite, request)
    if request.data is not None:  # the suite's title speaks of other rows
        suite = replace(suite, title=f"data: {tasks[0].origin.own_name if tasks[0].origin else request.data}")
    encoder = resolve(suite.encoder)
    _check_length(request, encoder)
    skipped = {
        name: reason
        for name, settings, _ in variants
        if (reason := _check(name, settings, budget, encoder.layers, tasks, request.methods))
    }
    protocol = _protocol(suite, tasks, encoder)
    cells = tuple(
        Cell(
            protocol=protocol,
            method=name,
            parameters=settings,
            seed=seed,
            origin=origin,
            device=device.split(":")[0],
            precision=request.precision,
            code=code_digest(entry.cls.__module__ for entry in registry.parts(name)),
            versions=versions(),
            threads=threads if device == "cpu" else None,
            switches=arithmetic_switches(),
            scheme=SCHEME,
            forward=request.forward,
        )
        for seed in request.seeds
        for name, settings, origin in variants
    )
    return Plan(suite, tasks, encoder, device, cells, skipped=skipped, threads=threads)


def _overridden(suite: Suite, request: Request) -> Suite:
    changes: dict[str, object] = {}
    for name in LIMITS:
        value = getattr(request, name)
        check_limit(name, value, f"--{name.replace('_', '-')}")
        if value is not None:
            changes[name] = value
    if request.selection not in (None, *SELECTIONS):
        raise UsageError(f"--selection {request.selection!r}: choose one of {', '.join(SELECTIONS)}")
    for name in ("encoder", "selection"):
        if getattr(request, name) is not None:
            changes[name] = getattr(request, name)
    return dataclasses.replace(suite, **changes)  # type: ignore[arg-type]  # the names are Suite's, the types checked


def _check_length(request: Request, encoder: EncoderSource) -> None:
    """Raise UsageError for a ``--max-length`` of more tokens than the encoder has positions for."""
    if request.max_length is None:
        return
    config = json.loads((encoder.folder / "config.json").read_text(encoding="utf-8"))
    positions = config.get("max_position_embeddings")
    if isinstance(positions, int) and config.get("model_type") in COUNT_FROM_PADDING:
        positions -= config.get("pad_token_id", 1) + 1
    if isinstance(positions, int) and request.max_length > positions:
        raise UsageError(
            f"--max-length {request.max_length}: encoder {encoder.name!r} reads at most {positions} tokens: give fewer"
        )


def _tasks(suite: Suite, request: Request) -> tuple[Task, ...]:
    """Load the suite's tasks. Raises UsageError, also for a task that leaves nothing to learn."""
    several = len(suite.tasks) > 1
    if several and (request.text_column or request.label_column):
        raise UsageError(
            f"suite {suite.name!r} has {len(suite.tasks)} tasks, each with columns of its own: "
            "name them in a suite file (text_column and label_column of a source) instead of on the command line"
        )
    tasks = tuple(
        load_task(
            spec,
            data=request.data,
            text_column=request.text_column,
            label_column=request.label_column,
            limit_train=suite.limit_train,
            several=several,
        )
        for spec in suite.tasks
    )
    for task in tasks:
        if len(set(task.train.labels)) == 1:
            raise UsageError(
                f"{task.source}: all training rows of task {task.name!r} have the same label: nothing to learn, "
                f"check {'the label_column of its source' if several else '--label-column'}"
            )
    return tasks


def _check(
    name: str, settings: Settings, budget: Budget, layers: int, tasks: Sequence[Task], asked: Sequence[str]
) -> str:
    """Return why a method has no meaning for the suite; nothing where it has one.

    One that ``all`` brings along and that has no meaning is planned all the same: its cells are recorded as skipped.
    Raises UsageError where a method can't be run, or has no meaning for the suite although it was asked for by name.
    """
    try:
        with _faults_left_to_the_cells():
            resolve_method(name).build(settings, budget).check(layers, [task.head for task in tasks])
    except SkippedError as error:
        if name in {registry.canonical(given) for given in asked if given != "all"}:
            raise UsageError(f"{name!r} can't be run on this suite: {error}") from error
        return str(error)
    return ""


def _protocol(suite: Suite, tasks: Sequence[Task], encoder: EncoderSource) -> Protocol:
    return Protocol(
        suite=suite.name,
        tasks=tuple(task.identity for task in tasks),
        encoder=encoder.name,
        encoder_revision=encoder.revision,
        encoder_sha256=encoder.sha256,
        epochs=suite.epochs,
        batch_size=suite.batch_size,
        max_length=suite.max_length,
        selection=suite.selection,
        limit_train=suite.limit_train,
    )


def _variants(request: Request, suite: Suite, budget: Budget) -> list[tuple[str, Settings, str]]:
    """Return (canonical name, settings, origin) of every method and combination of values, without repetition."""
    wanted = [name for given in request.methods for name in (registry.names() if given == "all" else (given,))]
    names = list(dict.fromkeys(registry.canonical(name) for name in wanted))
    if not names:
        raise UsageError("no methods: give --methods all, or names that `bench list methods` shows")
    handles = {name: resolve_method(name) for name in names}
    chosen = {name: _chosen(handle, request.assignments) for name, handle in handles.items()}
    _all_used(request.assignments, names)
    origins: dict[tuple[str, Settings], str] = {}
    for name, values in chosen.items():
        handle = handles[name]
        default = _default(handle, budget, suite.defaults)
        for combination in itertools.product(*values.values()):
            given = dict(zip(values, combination, strict=True))
            settings = handle.resolve_parameters(given, budget, suite.defaults)
            with _faults_left_to_the_cells():
                handle.build(settings, budget)  # a clash is found before any data is read
            origins.setdefault((name, settings), "default" if settings == default else "set")
    return [(name, settings, origin) for (name, settings), origin in origins.items()]


@contextlib.contextmanager
def _faults_left_to_the_cells() -> Iterator[None]:
    """Pass over what a method's code raises that is no answer: its cells will fail by it, and the others are run."""
    try:
        yield
    except (UsageError, SkippedError, KeyboardInterrupt):
        raise
    except BaseException:  # noqa: BLE001 — SystemExit, too: a fault in one method is no reason to stop the others
        pass


def _default(handle: MethodHandle, budget: Budget, defaults: Settings) -> Settings | None:
    try:
        return handle.resolve_parameters({}, budget, defaults)
    except UsageError:  # two techniques prefer different values: there is no default
        return None


def _chosen(handle: MethodHandle, assignments: Iterable[Assignment]) -> dict[str, tuple[Value, ...]]:
    """Return the values that ``--set`` gives to parameters of a method; the full name's outrank a part's."""
    name = handle.name
    chosen: dict[str, tuple[Value, ...]] = {}
    givers: dict[str, str] = {}
    for given in sorted(assignments, key=lambda given: "+" not in given.method):  # full names first
        if not concerns(given, name):
            continue
        parameter = handle.parameter(given.parameter, given.method)
        if parameter is None:
            raise UsageError(
                f"--set {given.method}.{given.parameter}: {name!r} has no such parameter; it has "
                f"{', '.join(sorted(known.name for known in handle.parameters))}"
            )
        try:
            values = _values(parameter, given.text)
        except UsageError as error:
            raise UsageError(f"--set {given.method}.{error}") from error
        giver = givers.setdefault(parameter.name, given.method)
        if giver == given.method:
            chosen[parameter.name] = values
        elif ("+" in giver) == ("+" in given.method) and values != chosen[parameter.name]:
            raise UsageError(
                f"--set {giver}.{given.parameter} and --set {given.method}.{given.parameter} both are about {name!r}: "
                f"choose, with --set {name}.{given.parameter}=…"
            )
    return chosen


def _values(parameter: Parameter, text: str) -> tuple[Value, ...]:
    """Return the values of one ``--set``. Raises UsageError.

    A choice may itself contain commas, so that the longest match is taken. Free text is one value, commas included.
    """
    if parameter.kind is str and not parameter.choices:
        return (parameter.parse(text),)
    values: list[Value] = []
    rest = [word.strip() for word in text.split(",")]
    if not all(rest):
        raise UsageError(f"{parameter.name}={text} has an empty value: separate values by single commas")
    while rest:
        for length in range(len(rest), 0, -1):
            joined = ",".join(rest[:length])
            if length == 1 or joined in parameter.choices:
                values.append(parameter.parse(joined))
                rest = rest[length:]
                break
    return tuple(dict.fromkeys(values))


def concerns(given: Assignment, name: str) -> bool:
    """Whether ``--set given.method.…`` is about the method `name`: it is its name, or one of its parts."""
    target = {entry.name for entry in registry.parts(given.method)}
    members = {entry.name for entry in registry.parts(name)}
    return target == members or (len(target) == 1 and target < members)


def _all_used(assignments: Iterable[Assignment], names: Sequence[str]) -> None:
    for given in assignments:
        if not any(concerns(given, name) for name in names):
            raise UsageError(
                f"--set {given.method}.{given.parameter}: no method of this run contains {given.method!r}: "
                "add it to --methods"
            )
