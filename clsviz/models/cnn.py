"""Small convolutional network for grey images."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from clsviz.catalogue import method
from clsviz.errors import ShapeError
from clsviz.models.init_scale import INIT_SCALE, scale_weights
from clsviz.models.widths import widths


@method(
    kind="model",
    name="cnn",
    title="Convolutional network",
    paper="LeCun et al. 1998, Gradient-based learning applied to document recognition",
    needs=("n_features", "n_classes", "image_shape"),
    channels=((4, 8), (8, 16), (16, 32)),
    init_scale=INIT_SCALE,
)
class CNN(nn.Module):
    """Blocks of 3 x 3 convolution, ReLU and 2 x 2 maximum, and a linear layer on top.

    Args:
        n_features: D = height * width; images come flattened row-major.
        n_classes: K >= 1.
        image_shape: (height, width); None means 8 x 8.
        channels: of each block, at least one.
        init_scale: multiplies all initial weights, > 0.

    Raises:
        ShapeError: the image has not D pixels.
        InputError: `channels` is empty or holds something else than whole numbers >= 1, or
            `init_scale` is not above 0.
    """

    def __init__(
        self,
        n_features: int,
        n_classes: int,
        image_shape: tuple[int, int] | None = None,
        *,
        channels: Sequence[int] = (8, 16),
        init_scale: float = 1.0,
    ) -> None:
        super().__init__()
        height, width = (8, 8) if image_shape is None else image_shape
        if height * width != n_features:
            raise ShapeError(
                f"cnn needs images: {height} x {width} are {height * width} pixels, but the data has "
                f"{n_features} features; give image_shape, or use the model 'mlp'"
            )
        sizes = widths(channels, "channels")
        blocks: list[nn.Module] = [nn.Unflatten(1, (1, height, width))]
        for before, after in pairwise([1, *sizes]):
            # ceil_mode: a side of 1 stays 1, so that any image fits
            pool = nn.MaxPool2d(2, ceil_mode=True)
            blocks += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), pool]
            height, width = -(-height // 2), -(-width // 2)
        self.body = nn.Sequential(*blocks, nn.Flatten())
        self.head = nn.Linear(sizes[-1] * height * width, n_classes)
        scale_weights(self, init_scale)

    def outputs(self, x: Tensor) -> dict[str, Tensor]:
        """`logits` (N, K) and `embeddings` (N, H), the flattened last block."""
        embeddings = self.body(x)
        return {"logits": self.head(embeddings), "embeddings": embeddings}

    def forward(self, x: Tensor) -> Tensor:
        """(N, D) float, flattened images, to (N, K) logits."""
        return self.head(self.body(x))
