"""The methods under test. One file is one technique or one method; none imports another.

A *technique* is a frozen dataclass registered with ``@technique(name, source=…)``. Its fields are its parameters
(``parameter``: default, range, unit, meaning), and it answers some of a recipe's questions differently from the
baseline, so that techniques combine on the command line by ``+``. A *method* is registered with ``@method`` and writes
``fit`` itself. A combination that belongs to ``--methods all`` is registered with ``combination("a+b", source=…)``.

Each file's docstring says what the technique does, where it comes from (paper or report, section or table) and, where
the sources disagree, why the default is what it is.

A file is found because it lies here: ``benchmark.core.registry`` imports every module of this package, as it imports
those of any installed distribution with an entry point of the group ``bench.methods``. Nothing in
``benchmark`` knows a name.
"""
