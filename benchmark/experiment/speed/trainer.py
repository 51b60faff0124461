"""The reference: the same phase, model and batches in Hugging Face's Trainer, at its defaults.

Dynamic padding (or to a fixed length), AdamW, clipping at norm 1, transformers' own forward. A step with several views
runs the encoder once for each, as libraries of contrastive learning do; a frozen encoder is run anew in every step.
Tokens are made beforehand, which favours the reference a little.
"""

from __future__ import annotations

import contextlib
import importlib.util
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.core.errors import SkippedError, UsageError
from benchmark.data.batches import Step
from benchmark.data.task import TrainingData
from benchmark.data.tokens import Tokens
from benchmark.model.model import Model
from benchmark.train.recipe import Recipe
from benchmark.train.run import Run


def check_trainer() -> None:
    """Raise UsageError where Trainer can't be used."""
    if importlib.util.find_spec("accelerate") is None:
        raise UsageError("--against trainer needs the package accelerate: pip install accelerate")


@dataclass(frozen=True)
class Row:
    """One row of a step, as a data set's item."""

    number: int
    label: int | float


class Reference(nn.Module):
    """A model as Trainer wants it: from padded batches to a loss."""

    def __init__(self, recipe: Recipe, model: Model, task: TrainingData) -> None:
        super().__init__()
        self.recipe = recipe
        self.model = model
        self.head = task.head

    def train(self, mode: bool = True) -> Reference:
        """A frozen encoder doesn't drop out."""
        super().train(mode)
        self.model.encoder.train(mode and self.recipe.trainable.trains_encoder)
        return self

    def forward(self, texts: list[dict[str, Tensor]], labels: Tensor) -> dict[str, Tensor]:
        """Return the loss of a batch. `texts`: one padded batch per sentence of a row."""
        with contextlib.nullcontext() if self.recipe.trainable.trains_encoder else torch.no_grad():
            vectors = [
                self.model.encoder.backbone(**text).last_hidden_state[:, 0]
                for text in texts
                for _ in range(self.recipe.batches.views)
            ]
        return {"loss": self.recipe.objective.loss(self.model, self.head, torch.cat(vectors).float(), labels)}


class Batches:
    """A data set of the steps' rows in their order, and what makes a padded batch of some."""

    def __init__(self, sentences: Sequence[Tokens], labels: Any, rows: Sequence[int], pad: int, longest: int | None):
        self.sentences = sentences
        self.labels = labels
        self.rows = rows
        self.pad = pad
        self.longest = longest  # None: the longest of the batch

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> Row:
        number = self.rows[place]
        return Row(number, self.labels[number])

    def collate(self, rows: Sequence[Row]) -> dict[str, Any]:
        """Return a padded batch."""
        numbers = np.array([row.number for row in rows])
        texts = []
        for sentence in self.sentences:
            ids, mask = sentence.take(numbers).padded(self.pad)
            if self.longest is not None:
                more = ((0, 0), (0, self.longest - ids.shape[1]))
                ids, mask = np.pad(ids, more, constant_values=self.pad), np.pad(mask, more)
            texts.append({"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)})
        return {"texts": texts, "labels": torch.from_numpy(self.labels[numbers])}


def trainer_seconds(
    recipe: Recipe, model: Model, task: TrainingData, run: Run, steps: Sequence[Step], longest: int | None
) -> list[float]:
    """Train `model`, which a phase was begun with, for `steps`; return the seconds of each.

    longest: tokens to pad to; None: the longest of each batch. Raises SkippedError for what Trainer can't be asked.
    """
    from transformers import Trainer, TrainerCallback, TrainingArguments

    if any(len(parts) != 1 or parts[0].task != 0 for parts in steps):
        raise SkippedError("Trainer has no steps over several tasks")
    sizes = {len(parts[0].rows) for parts in steps}
    if len(sizes) != 1:
        raise SkippedError("the steps have different sizes")
    if model.head(task.head.name).tap.layer is not None:
        raise SkippedError("the head reads a layer below the top")
    encoded = run.encode(task.train)
    rows = [int(row) for parts in steps for row in parts[0].rows]
    data = Batches(encoded.sentences, task.train.targets, rows, model.encoder.pad, longest)
    seconds: list[float] = []

    class Clock(TrainerCallback):
        began = 0.0

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            _synchronise(run.device)

        def on_step_end(self, *_: Any, **__: Any) -> None:
            _synchronise(run.device)
            now = time.perf_counter()
            seconds.append(now - self.began)
            self.began = now

        def on_train_begin(self, *_: Any, **__: Any) -> None:
            self.began = time.perf_counter()

    class InOrder(Trainer):
        def _get_train_sampler(self, *_: Any) -> Any:
            return torch.utils.data.SequentialSampler(data)

    with tempfile.TemporaryDirectory(prefix="bench-speed-") as folder, run.streams.scope("training"):
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=sizes.pop(),
            num_train_epochs=1,
            learning_rate=recipe.peak,
            use_cpu=run.device == "cpu",
            bf16=run.precision == "bf16",
            remove_unused_columns=False,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
        )
        reference = Reference(recipe, model, task)
        with _quiet():
            InOrder(reference, arguments, train_dataset=data, data_collator=data.collate, callbacks=[Clock()]).train()
    return seconds


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Trainer prints its figures; here they are no part of the result."""
    import io

    with contextlib.redirect_stdout(io.StringIO()):
        yield


def _synchronise(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(torch.device(device))
