"""Imports torchvision also where its build does not fit torch's; to be imported before what imports it.

pytorch-ood asks for torchvision, for data and models alone, and torchmetrics imports it where it is there.
A package index has the CUDA build of it, which beside a CPU build of torch does not load its operators and
stops where they are registered. Nobody here calls them.
"""

from unittest.mock import patch

with patch("torch.library.register_fake", lambda *_, **__: lambda f: f):
    import torchvision  # noqa: F401
