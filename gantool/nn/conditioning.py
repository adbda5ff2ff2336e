"""How a class label enters the networks: beside the latent in G, as a projection in D.

Labels that reach an unconditional network are ignored, since data may have labels that a run does not use. A
conditional network without labels is a mistake of the caller and raises.

A label is a number (int64), or a vector of one weight for each class. An embedding is a linear map of the latter:
half a sneaker and half a boot is a class too, and a network built for as many "classes" as a text encoder has
outputs takes its vectors in a label's place.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gantool.nn.normalisation import BatchNorm


class LatentWithClass(nn.Module):
    """Appends a learned embedding of the class to the latent (the identity where ``classes`` is 0).

    Attributes:
        width: length of what it returns.
    """

    def __init__(self, latent_dim: int, classes: int, embedding_dim: int) -> None:
        super().__init__()
        # torch draws it from N(0, 1), as the latent is.
        self.embedding = nn.Embedding(classes, embedding_dim) if classes else None
        self.width = latent_dim + (embedding_dim if classes else 0)

    def forward(self, latent: Tensor, labels: Tensor | None) -> Tensor:
        """Latents N×latent_dim and labels (N, or N×classes) → N×width.

        Raises:
            ValueError: without labels where there are classes.
        """
        if self.embedding is None:
            return latent
        return torch.cat([latent, class_vectors(self.embedding, labels)], dim=1)


class ClassProjection(nn.Module):
    """The inner product of features and a learned class vector, yᵀVφ(x) (Miyato & Koyama 2018, eq. 3).

    The other term, the linear ψ(φ(x)), belongs to the architecture.
    """

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(classes, features)
        nn.init.xavier_uniform_(self.embedding.weight)  # N(0, 1) would drown the unconditional logit

    def forward(self, features: Tensor, labels: Tensor | None) -> Tensor:
        """Features N×features and labels (N, or N×classes) → N, what the class adds to the logit.

        Raises:
            ValueError: without labels.
        """
        return (features * class_vectors(self.embedding, labels)).sum(dim=1)


def class_vectors(embedding: nn.Embedding, labels: Tensor | None) -> Tensor:
    """Labels N (int64) → their rows of ``embedding``; N×classes (floating point) → the weighted sums of its rows.

    Raises:
        ValueError: without labels.
    """
    if labels is None:
        raise ValueError("this network is conditioned on classes and was called without labels")
    if labels.is_floating_point():
        return labels @ embedding.weight
    vectors: Tensor = embedding(labels)
    return vectors


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """Labels N (int64) → the same as weights, float32 N×classes."""
    return torch.nn.functional.one_hot(labels, classes).to(torch.float32)


class ConditionalBatchNorm(nn.Module):
    """Batch norm whose gain and bias a vector moves: norm(x)·(1 + Ac) + Bc (Brock 2019, BigGAN, appendix B).

    Args:
        features: channels of the map.
        condition: length of c; 0 for plain batch norm.
    """

    def __init__(self, features: int, condition: int) -> None:
        super().__init__()
        self.norm = BatchNorm(features)
        self.gain = nn.Linear(condition, features, bias=False) if condition else None
        self.shift = nn.Linear(condition, features, bias=False) if condition else None

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """N×C×H×W and N×condition (None for plain batch norm) → N×C×H×W."""
        normed: Tensor = self.norm(x)
        if self.gain is None or self.shift is None or condition is None:
            return normed
        gain, shift = self.gain(condition), self.shift(condition)
        moved: Tensor = normed * (1 + gain[:, :, None, None]) + shift[:, :, None, None]
        return moved
