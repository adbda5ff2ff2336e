"""How a class label enters the networks: beside the latent in G, as a projection in D.

Labels that reach an unconditional network are ignored, since data may have labels that a run does not use. A
conditional network without labels is a mistake of the caller and raises.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


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
        """Latents N×latent_dim and labels N → N×width.

        Raises:
            ValueError: without labels where there are classes.
        """
        if self.embedding is None:
            return latent
        return torch.cat([latent, self.embedding(_required(labels))], dim=1)


class ClassProjection(nn.Module):
    """The inner product of features and a learned class vector, yᵀVφ(x) (Miyato & Koyama 2018, eq. 3).

    The other term, the linear ψ(φ(x)), belongs to the architecture.
    """

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(classes, features)
        nn.init.xavier_uniform_(self.embedding.weight)  # N(0, 1) would drown the unconditional logit

    def forward(self, features: Tensor, labels: Tensor | None) -> Tensor:
        """Features N×features and labels N → N, what the class adds to the logit.

        Raises:
            ValueError: without labels.
        """
        vectors: Tensor = self.embedding(_required(labels))
        return (features * vectors).sum(dim=1)


def _required(labels: Tensor | None) -> Tensor:
    if labels is None:
        raise ValueError("this network is conditioned on classes and was called without labels")
    return labels
