"""The padding-free forward pass of BERT-like encoders: padding stands in attention alone.

Linear layers, activations and norms see the tokens of all texts as one list, (tokens, hidden); only queries, keys and
values are padded, because attention needs rectangles. With short texts half of a padded batch is padding, and most of
the arithmetic is in the linear layers. Portes et al. 2023 (MosaicBERT) call it unpadding.

The pass calls the backbone's own modules, so that adapters, new layers and parametrisations take part as they are. With
dropout off, loss and gradients are those of transformers' own forward up to fp32 rounding (sums over other numbers of
rows have another order). Not equal to the bit: the two passes; nor a text's vector in two batches, because a matrix
product's blocks depend on its number of rows. Equal to the bit: the same batch twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.data.tokens import Tokens
from benchmark.model.dropout import Dropout, no_dropout
from benchmark.model.packing import Packing, pack


@dataclass(frozen=True, eq=False)
class Layer:
    """The parts of one transformer layer, whatever the architecture calls them."""

    query: nn.Module
    key: nn.Module
    value: nn.Module
    heads: int
    scale: float  # of a query's product with a key
    attention_dropout: nn.Module
    projection: nn.Module  # of what attention gives
    projection_dropout: nn.Module | None
    projection_norm: nn.Module  # after the residual is added
    up: nn.Module
    activation: Callable[[Tensor], Tensor]
    down: nn.Module
    down_dropout: nn.Module
    down_norm: nn.Module


def bert_layer(layer: Any) -> Layer:
    """Return the parts of a layer of BERT, RoBERTa, XLM-R, CamemBERT or ELECTRA."""
    attention, projection, output = layer.attention.self, layer.attention.output, layer.output
    return Layer(
        query=attention.query,
        key=attention.key,
        value=attention.value,
        heads=attention.num_attention_heads,
        scale=attention.scaling,
        attention_dropout=attention.dropout,
        projection=projection.dense,
        projection_dropout=projection.dropout,
        projection_norm=projection.LayerNorm,
        up=layer.intermediate.dense,
        activation=layer.intermediate.intermediate_act_fn,
        down=output.dense,
        down_dropout=output.dropout,
        down_norm=output.LayerNorm,
    )


def distilbert_layer(layer: Any) -> Layer:
    """Return the parts of a layer of DistilBERT."""
    attention, ffn = layer.attention, layer.ffn
    return Layer(
        query=attention.q_lin,
        key=attention.k_lin,
        value=attention.v_lin,
        heads=attention.n_heads,
        scale=attention.scaling,
        attention_dropout=attention.dropout,
        projection=attention.out_lin,
        projection_dropout=None,
        projection_norm=layer.sa_layer_norm,
        up=ffn.lin1,
        activation=ffn.activation,
        down=ffn.lin2,
        down_dropout=ffn.dropout,
        down_norm=layer.output_layer_norm,
    )


def packed_states(
    backbone: Any, tokens: Tokens, layers: Collection[int], whole: bool
) -> tuple[dict[int, Tensor], Packing]:
    """Return the hidden states at `layers` (0: embeddings … n) and where the tokens of `tokens` stand.

    Where `whole`, (tokens, hidden) each; else the first token's of each text, (texts, hidden), and then the last layer
    is computed for first tokens alone (lower ones aren't, so that what one head reads doesn't depend, to the bit, on
    which others are read). Nothing above the highest of `layers` is computed. Call it for a backbone of which
    `benchmark.model.architecture.obstacle` says nothing. Raises IndexError for a layer that isn't there.
    """
    distilbert = hasattr(backbone, "transformer")
    stack = backbone.transformer.layer if distilbert else backbone.encoder.layer
    top = max(layers)
    if not 0 <= min(layers) <= top <= len(stack):
        raise IndexError(f"there are layers 0 to {len(stack)}, not {sorted(layers)}")
    packing = pack(tokens, backbone.embeddings.word_embeddings.weight.device)
    dropout = Dropout.drawn(packing) if backbone.training else no_dropout(packing)
    states = _embedded(backbone, tokens, packing, dropout)
    found = {}
    for number in range(top + 1):
        if number:
            parts = (distilbert_layer if distilbert else bert_layer)(stack[number - 1])
            first = number == len(stack) and not whole
            states = _through(parts, number, states, packing, dropout, first)
        if number in layers:
            found[number] = states if whole or (number and number == len(stack)) else packing.firsts(states)
    return found, packing


def _embedded(backbone: Any, tokens: Tokens, packing: Packing, dropout: Dropout) -> Tensor:
    """Return the embeddings, (tokens, hidden)."""
    parts = backbone.embeddings
    device = packing.first.device
    states = parts.word_embeddings(torch.from_numpy(tokens.flat.astype(np.int64)).to(device))
    kinds = getattr(parts, "token_type_embeddings", None)
    if kinds is not None:  # every token is of kind 0
        states = states + kinds(torch.zeros(1, dtype=torch.int64, device=device))
    states = states + parts.position_embeddings(torch.from_numpy(_positions(parts, tokens)).to(device))
    states = dropout.embeddings(parts.LayerNorm(states), parts.dropout)
    project = getattr(backbone, "embeddings_project", None)  # ELECTRA, whose embeddings may be narrower
    return states if project is None else project(states)


def _positions(embeddings: Any, tokens: Tokens) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return every token's position, (tokens,): its place in its text.

    RoBERTa counts from the number after that of padding, and leaves out what looks like padding (a text may hold the
    very word): transformers' `create_position_ids_from_input_ids`.
    """
    starts = np.repeat(tokens.offsets[:-1], tokens.lengths)  # (tokens,)
    if not hasattr(embeddings, "create_position_ids_from_input_ids"):
        return np.arange(len(tokens.flat)) - starts
    padding = int(embeddings.padding_idx)
    real = (tokens.flat != padding).astype(np.int64)
    count = np.concatenate([[0], np.cumsum(real)])  # (tokens + 1,): real tokens before each
    positions: np.ndarray[Any, np.dtype[np.int64]] = (count[1:] - count[starts]) * real + padding
    return positions


def _through(layer: Layer, number: int, states: Tensor, packing: Packing, dropout: Dropout, first: bool) -> Tensor:
    """Return the states after `layer`, (tokens, hidden); where `first`, first tokens alone, (texts, hidden)."""
    residual = packing.firsts(states) if first else states
    query, key, value = layer.query(residual), layer.key(states), layer.value(states)
    mixed = _attention(layer, number, (query, key, value), packing, dropout, first)
    projected = layer.projection(mixed)
    if layer.projection_dropout is None:
        states = projected + residual
    else:
        states = dropout.add(projected, residual, layer.projection_dropout, (number, "attention"), first)
    states = layer.projection_norm(states)
    output = layer.down(layer.activation(layer.up(states)))
    normalised: Tensor = layer.down_norm(dropout.add(output, states, layer.down_dropout, (number, "output"), first))
    return normalised


def _attention(
    layer: Layer,
    number: int,
    given: tuple[Tensor, Tensor, Tensor],
    packing: Packing,
    dropout: Dropout,
    first: bool,
) -> Tensor:
    """Return what every query takes from its own text, packed as the queries are.

    Queries (tokens, hidden), of first tokens alone (texts, hidden); keys and values (tokens, hidden).
    """
    query, key, value = given
    texts, longest = packing.texts, packing.longest
    # Each (texts, heads, queries or longest, size).
    q = (query[:, None] if first else packing.pad(query)).view(texts, -1, layer.heads, query.shape[1] // layer.heads)
    k, v = (packing.pad(part).view(texts, longest, layer.heads, -1) for part in (key, value))
    q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
    keep = dropout.attention(layer.attention_dropout, number, layer.heads, first)  # (texts, heads, queries, longest)
    if keep is None:
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=packing.mask, scale=layer.scale)
    else:
        scores = torch.matmul(q * layer.scale, k.transpose(2, 3))
        if packing.mask is not None:
            scores = scores.masked_fill(~packing.mask, float("-inf"))
        mixed = torch.matmul(torch.softmax(scores, dim=3) * keep, v)
    flat = mixed.transpose(1, 2).reshape(texts * q.shape[2], -1)  # (texts · queries, hidden)
    return flat if first else packing.unpad(flat)
