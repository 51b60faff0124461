"""Whether a backbone can be run without padding (`benchmark.model.packed`): its every part must be known.

The padding-free pass calls the backbone's modules on lists of tokens, and not those that hold them together. So
whatever stands in the tree must be one of transformers' own classes, whose `forward` the pass repeats, or act on each
token alone. Anything else (an unknown architecture, a module that somebody put in, a hook) gets transformers' forward.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from benchmark.model.vocabulary import OccurringRows

FAMILIES = {
    "bert": "Bert",
    "roberta": "Roberta",
    "xlm_roberta": "XLMRoberta",
    "camembert": "Camembert",
    "electra": "Electra",
}
"""transformers' folder → prefix of its classes: one layout, after BERT's."""
PARTS = (
    "Model",
    "Embeddings",
    "Encoder",
    "Layer",
    "Attention",
    "SelfAttention",
    "SelfOutput",
    "Intermediate",
    "Output",
)
DISTILBERT = ("DistilBertModel", "Embeddings", "Transformer", "TransformerBlock", "DistilBertSelfAttention", "FFN")

KNOWN = frozenset(
    [
        (f"transformers.models.{folder}.modeling_{folder}", prefix + part)
        for folder, prefix in FAMILIES.items()
        for part in PARTS
    ]
    + [("transformers.models.distilbert.modeling_distilbert", name) for name in DISTILBERT]
)
"""Module and name of the classes whose `forward` the padding-free pass repeats."""

ACTIVATIONS = (nn.GELU, nn.ReLU, nn.SiLU, nn.Mish, nn.Tanh, nn.Sigmoid, nn.LeakyReLU, nn.Hardswish, nn.ReLU6)
TOKENWISE = frozenset(
    kind.forward
    for kind in (nn.Linear, nn.LayerNorm, nn.Embedding, OccurringRows, nn.Dropout, nn.Identity, *ACTIVATIONS)
)
"""What torch's own modules do to each token alone; a subclass that does the same (a parametrised one) is as good."""

CONTAINERS = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def obstacle(backbone: nn.Module) -> str:
    """Return why `backbone` can't be run without padding, in a few words; nothing where it can.

    Asked before every pass, because a method may put in modules at any time: it takes a few microseconds per module.
    """
    return _about_config(backbone) or _about_modules(backbone)


def _about_config(backbone: nn.Module) -> str:
    config: Any = getattr(backbone, "config", None)
    kind = type(backbone)
    if (kind.__module__, kind.__name__) not in KNOWN:
        return f"{kind.__name__} is no architecture that is known"
    if config._attn_implementation != "sdpa":  # noqa: SLF001 — there is no public name
        return f"attention by {config._attn_implementation}"  # noqa: SLF001
    if getattr(config, "is_decoder", False) or getattr(config, "add_cross_attention", False):
        return "it is a decoder"
    if getattr(config, "position_embedding_type", None) not in (None, "absolute"):
        return f"{config.position_embedding_type} positions"
    if getattr(config, "chunk_size_feed_forward", 0):
        return "its feed-forward layers run in chunks"
    return ""


def _about_modules(backbone: nn.Module) -> str:
    pooler = getattr(backbone, "pooler", None)
    aside = {id(module) for module in pooler.modules()} if isinstance(pooler, nn.Module) else set()  # isn't run
    for name, module in backbone.named_modules():
        if id(module) in aside or "parametrizations" in name:  # these act on weights
            continue
        kind, inside = type(module), module.__dict__
        if any(inside[hooks] for hooks in HOOKS):
            return f"{name or 'the model'} has a hook"
        if "forward" in inside:
            return f"{name or 'the model'} has a forward of its own"
        if inside.get("gradient_checkpointing") and module.training:
            return "gradient checkpointing"
        if not (kind.forward in TOKENWISE or (kind.__module__, kind.__name__) in KNOWN or _harmless(module)):
            return f"{name} is a {kind.__name__}"
        if isinstance(module, nn.Dropout) and module.p >= 1.0:
            return f"{name} drops everything"
    return ""


def _harmless(module: nn.Module) -> bool:
    """Return whether `module` is a container, an activation, an adapter of peft's around a linear layer, or says so.

    A class says by ``tokenwise = True`` that it does to each token what it would do to it alone.
    """
    if vars(type(module)).get("tokenwise") is True:
        return True
    home = type(module).__module__
    if home.startswith("peft."):
        return isinstance(getattr(module, "base_layer", None), nn.Linear)
    return isinstance(module, CONTAINERS) or home == "transformers.activations"
