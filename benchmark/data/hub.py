"""Examples from the Hugging Face Hub, by the `datasets` library; code that a dataset brings along is never run.

The commit is settled first, by one request that has ten seconds. All else follows from it: rows of that commit that are
prepared in the cache are taken from there, and a machine that can't reach the hub asks it nothing more.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmark.core.errors import UsageError
from benchmark.data.columns import SPLIT_NAMES, ColumnSpec, Table, class_names, read_tables
from benchmark.data.task import RawData

TIMEOUT = 10.0
"""Seconds that the hub has to answer before the cache is tried."""


def load(dataset: str, config: str | None, revision: str | None, spec: ColumnSpec) -> RawData:
    """Return the rows of a dataset of the hub at `revision` (a full commit hash; None: the newest), or cached ones.

    Without a network, the rows are those of `revision`, or without one the latest that were prepared here, or else a
    whole dataset that `hf download` fetched. `RawData.source` says which commit it was. Raises UsageError if the rows
    can't be had, for a dataset without train or test, and for whatever `columns.read_tables` refuses.
    """
    commit = _commit(dataset, revision)
    if commit is not None:
        splits = _prepared(dataset, config, commit) or (_loaded(dataset, config, commit), commit)
    else:
        cached = _prepared(dataset, config, revision) or _downloaded(dataset, config, revision)
        if cached is None:
            raise UsageError(_ways_out(dataset, revision))
        splits = cached
    by_name, commit = splits
    name = f"{dataset} ({config})" if config else dataset
    tables = _tables(by_name, name)
    return read_tables(tables, spec, source=f"{name} @ {commit[:7]}")


def _commit(dataset: str, revision: str | None) -> str | None:
    """Return the commit hash that the hub has for `revision`; None if the hub can't be asked."""
    import httpx2
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        return HfApi().dataset_info(dataset, revision=revision, timeout=TIMEOUT).sha
    except HFValidationError as error:
        raise UsageError(f"{dataset!r} is no dataset of the Hugging Face Hub: write it as owner/name") from error
    except GatedRepoError as error:
        raise UsageError(
            f"{dataset} is gated on the Hugging Face Hub: ask for access on its page and run 'hf auth login', "
            f"or give the rows with --data FOLDER"
        ) from error
    except RepositoryNotFoundError as error:
        raise UsageError(
            f"the Hugging Face Hub has no dataset {dataset!r}, or it is private: check the name, run 'hf auth login', "
            f"or give the rows with --data FOLDER"
        ) from error
    except RevisionNotFoundError as error:
        raise UsageError(f"{dataset} has no revision {revision!r} on the Hugging Face Hub: give a commit") from error
    except (HfHubHTTPError, httpx2.HTTPError, OSError):
        return None  # down, out of reach, or forbidden by HF_HUB_OFFLINE: the cache may do


def _prepared(dataset: str, config: str | None, commit: str | None) -> tuple[Any, str] | None:
    """Return the splits that `datasets` prepared earlier and their commit: the latest, if `commit` is None."""
    from datasets.packaged_modules.cache.cache import Cache

    # Not load_dataset: before it falls back to this builder it asks the hub, with retries that take half a minute,
    # and it takes any commit that it finds in the stead of the one that was asked for.
    version, key = ("auto", "auto") if commit is None else ("0.0.0", commit)
    try:
        builder = Cache(repo_id=dataset, dataset_name=_snake(dataset), config_name=config, version=version, hash=key)
        builder.download_and_prepare()  # downloads nothing: it looks whether the folder is there
        return builder.as_dataset(), str(builder.hash)
    except (OSError, ValueError):
        return None


def _snake(dataset: str) -> str:
    from datasets.naming import camelcase_to_snakecase

    name: str = camelcase_to_snakecase(dataset.split("/")[-1])
    return name


def _downloaded(dataset: str, config: str | None, revision: str | None) -> tuple[Any, str] | None:
    """Return the splits of a whole dataset that lies in the hub's cache, and its commit."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = snapshot_download(dataset, repo_type="dataset", revision=revision, local_files_only=True)
    except (LocalEntryNotFoundError, OSError):
        return None
    return _loaded(dataset, config, Path(folder).name, folder), Path(folder).name


def _loaded(dataset: str, config: str | None, commit: str, folder: str | None = None) -> Any:
    """Return the splits that the `datasets` library loads from the hub at `commit`, or from `folder`."""
    from datasets import load_dataset, load_dataset_builder
    from datasets.exceptions import DatasetsError

    try:
        if folder is not None:
            return load_dataset(folder, config)
        # With hf:// a folder here that happens to have the dataset's name is not mistaken for it.
        builder = load_dataset_builder(f"hf://datasets/{dataset}", config, revision=commit)
        # If the hub fails from here on, the library takes whatever commit it has prepared before.
        if builder.hash != commit:
            raise ConnectionError("the Hugging Face Hub stopped answering: try again")
        builder.download_and_prepare()
        return builder.as_dataset()
    except (DatasetsError, OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(
            f"{dataset} @ {commit[:7]} can't be loaded ({reason}): check dataset and config of the suite, "
            f"or give the rows with --data FOLDER"
        ) from error


def _tables(splits: Any, name: str) -> dict[str, Table]:
    """Return the tables of a `datasets.DatasetDict`, by our names of the splits."""
    tables = {}
    for split, names in SPLIT_NAMES.items():
        aliases = [alias for alias in names if alias in splits]
        if len(aliases) > 1:
            raise UsageError(f"{name} has several {split} splits ({', '.join(aliases)}): give rows with --data FOLDER")
        if aliases:
            tables[split] = _table(splits[aliases[0]], f"{name}, {aliases[0]}")
        elif split != "validation":
            there = ", ".join(map(str, splits)) or "none"
            raise UsageError(f"{name} has no {split} split (there: {there}): give the rows with --data FOLDER")
    return tables


def _table(split: Any, origin: str) -> Table:
    def read(column: str) -> list[object]:
        return list(class_names(split[column][:], split.features[column]))

    return Table(origin, tuple(split.column_names), len(split), read, lambda column: list(split[column][:]))


def _ways_out(dataset: str, revision: str | None) -> str:
    pinned = f" --revision {revision}" if revision else ""
    return (
        f"dataset {dataset}: the Hugging Face Hub can't be reached and the cache doesn't hold it: give the rows with "
        f"--data FOLDER, or use --suite quick, or run 'hf download --repo-type dataset{pinned} {dataset}' on a "
        f"connected machine and copy its HF_HOME folder here"
    )
