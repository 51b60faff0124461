"""What MLflow shows of the rows that a cell is measured on, and of an experiment."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from benchmark.core.record import DataFacts
from benchmark.core.suite import Source
from benchmark.tracking import Tracking, scheme
from benchmark.tracking.inputs import inputs
from tests.support.results import Results


def facts(results: Results, **origin: Any) -> DataFacts:
    made: DataFacts = dataclasses.replace(results.data, origin=Source(**origin) if origin else None)
    return made


def test_each_split_is_a_dataset_with_its_fingerprint(results: Results, tracking: Tracking) -> None:
    cell = results.cell("good", 0)
    run = tracking.begin(cell, results.environment, (facts(results),)).record.run
    client = tracking._connect()
    named = client.get_run(run).inputs
    assert named
    found = {one.tags[0].value: one.dataset for one in named.dataset_inputs}
    assert {name: (one.name, one.digest) for name, one in found.items()} == {
        "train": ("quick/scenario", "f" * 12),
        "validation": ("quick/scenario", "e" * 12),
        "test": ("quick/scenario", "d" * 12),
    }
    assert json.loads(found["train"].profile or "") == {"num_rows": 90}


def test_mlflow_knows_the_sources(results: Results) -> None:
    import mlflow.data.dataset_source_registry as registry

    (record,) = (results.add(results.cell("good", 0), [True]),)
    for origin, kind, where in (
        ({"type": "hub", "dataset": "a/b", "config": "en", "revision": "c0ffee"}, "hugging_face", "a/b"),
        ({"type": "files", "dataset": "folder/of mine"}, "local", "folder/of mine"),
        ({"type": "builtin"}, "code", "made up"),
        ({}, "code", "made up"),
    ):
        given = dataclasses.replace(record, data=(facts(results, **origin),))
        for found in inputs(given):
            assert found.source_type == kind
            read = registry.get_dataset_source_from_json(found.source, found.source_type)
            assert where in json.dumps(read.to_dict())


def test_an_experiment_says_that_it_is_no_chat_models(results: Results, tracking: Tracking) -> None:
    client = tracking._connect()
    client.create_experiment("quick")  # as an older version has made it
    for suite in ("quick", "other"):
        protocol = dataclasses.replace(results.protocol, suite=suite)
        tracking.begin(results.cell("good", 0, protocol), results.environment, ())
        found = client.get_experiment_by_name(suite)
        assert found
        assert found.tags[scheme.KIND[0]] == "custom_model_development"
