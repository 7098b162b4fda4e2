"""`metrics.scores` and the loss of K members at once, summed up over chunks of samples."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

N_BINS = 15  # as in `scores`


class Tally:
    """Sums over samples from which a split's metrics follow, for K members on one device."""

    def __init__(self, members: int, device: torch.device) -> None:
        self._sums = torch.zeros(8, members, dtype=torch.float64, device=device)
        self._gaps = torch.zeros(members * N_BINS, dtype=torch.float64, device=device)
        self._edges = torch.arange(N_BINS + 1, dtype=torch.float64, device=device) / N_BINS
        self._offset = N_BINS * torch.arange(members, device=device).unsqueeze(1)

    def add(
        self,
        terms: Tensor,
        logits: Tensor,
        targets: Tensor,
        clean: Tensor,
        mask: Tensor | None,
        errors: Tensor | None = None,
    ) -> None:
        """Counts further samples in.

        Args:
            terms: (K, n). logits: (K, n, C). targets: (K, n). clean: (K, n), labels before noise.
            mask: (K, n) or None.
            errors: (K, n), predicted less true number, where the loss fits numbers.
        """
        # Classes before samples: a maximum over ten neighbours in memory takes several times as long.
        z = logits.transpose(1, 2).double().contiguous()
        highest, guess = z.max(1)
        weights = (z - highest.unsqueeze(1)).exp_()
        total = weights.sum(1)
        own = targets.unsqueeze(1)
        true = weights.gather(1, own).squeeze(1) / total
        rival = weights.scatter_(1, own, -1.0).amax(1) / total
        top = 1 / total
        right = (guess == targets).double()
        bins = (torch.bucketize(top, self._edges, right=True) - 1).clamp(0, N_BINS - 1)
        wrong = (targets != clean).double()
        found = (guess == clean).double()
        one = torch.ones_like(right)
        squares = torch.zeros_like(right) if errors is None else errors.double().square()
        rows = torch.stack(
            [terms.double(), right, true - rival, one, wrong, wrong * right, wrong * found, squares]
        )
        gap = right - top
        if mask is not None:
            rows, gap = torch.where(mask, rows, 0.0), torch.where(mask, gap, 0.0)
        self._sums += rows.sum(2)
        # A member that is not finite has no bins; its loss says so.
        gap, bins = gap.nan_to_num(), bins + self._offset
        self._gaps.index_add_(0, bins.flatten(), gap.flatten())

    def metrics(self) -> dict[str, np.ndarray]:
        """What `scores` gives and ``loss``, each (K,) float64.

        ``memorised`` and ``recovered`` are nan for members without wrong labels.
        """
        loss, right, margin, count, wrong, memorised, recovered, squares = self._sums.cpu().numpy()
        some = np.where(wrong > 0, wrong, np.nan)
        gaps = self._gaps.view(-1, N_BINS).abs().sum(1).cpu().numpy()
        return {
            "loss": loss / count,
            "accuracy": right / count,
            "ece": gaps / count,
            "margin": margin / count,
            "memorised": memorised / some,
            "recovered": recovered / some,
            "value_error": np.sqrt(squares / count),
        }
