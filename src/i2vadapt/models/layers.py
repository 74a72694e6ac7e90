"""Building blocks of I3D: convolution units and max pooling with TensorFlow's SAME padding.

The Kinetics weights were trained with SAME padding, whose amount depends on the size of the input and may be larger by
one at the end of an axis than at its start. PyTorch's padding is symmetric, so each layer computes its padding on every
call.
"""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Triple = tuple[int, int, int]


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Computes the SAME padding of one axis.

    Args:
        size: length of the axis.
        kernel: length of the window.
        stride: step of the window.

    Returns:
        Number of cells to add at the start and at the end of the axis.
    """
    total = max(kernel - (stride if size % stride == 0 else size % stride), 0)
    return total // 2, total - total // 2


def _pads(x: Tensor, kernel: Triple, stride: Triple) -> list[tuple[int, int]]:
    """SAME padding at the start and end of T, H and W."""
    return [same_padding(size, k, s) for size, k, s in zip(x.shape[2:], kernel, stride, strict=True)]


def _pad(x: Tensor, pads: list[tuple[int, int]]) -> Tensor:
    """Zero-pads T, H and W (F.pad expects the last axis first)."""
    return F.pad(x, [amount for pair in reversed(pads) for amount in pair])


class SameMaxPool3d(nn.Module):
    """Max pooling with SAME padding by zeros, for inputs that are nowhere negative.

    Args:
        kernel: size of the window along T, H, W.
        stride: steps of the window along T, H, W.
    """

    def __init__(self, kernel: Triple, stride: Triple) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        """Pools (N, C, T, H, W) to (N, C, ceil(T/s), ceil(H/s), ceil(W/s))."""
        pads = _pads(x, self.kernel, self.stride)
        front: list[int] = []
        explicit = [(0, 0)] * 3
        for axis, (before, after) in enumerate(pads):
            size, kernel, stride = x.shape[2 + axis], self.kernel[axis], self.stride[axis]
            # Every input of these poolings is the output of a ReLU, so padding by zero and PyTorch's implicit padding
            # by minus infinity give the same maxima, and the implicit one needs no padded copy: `padding` where both
            # ends are equal, ceil_mode where only the far end is padded and the windows do reach into it.
            if before == after:
                front.append(before)
            elif before == 0 and size >= kernel and -(-(size - kernel) // stride) + 1 == -(-size // stride):
                front.append(0)
            else:
                front.append(0)
                explicit[axis] = (before, after)
        if any(pair != (0, 0) for pair in explicit):
            x = _pad(x, explicit)
        # Autocast on the CPU would first widen the input to float32: four times the traffic for the same maxima. Where
        # it is off, nothing is switched, as not every export of a graph can express that.
        widens = torch.is_autocast_enabled(x.device.type)
        with torch.autocast(x.device.type, enabled=False) if widens else contextlib.nullcontext():
            return F.max_pool3d(x, self.kernel, self.stride, padding=tuple(front), ceil_mode=True)


class Unit3D(nn.Module):
    """Convolution with SAME padding, batch normalisation and ReLU.

    Args:
        in_channels: number of input channels.
        out_channels: number of output channels.
        kernel: size of the window along T, H, W.
        stride: steps of the window along T, H, W.
        head: whether the unit is a classifier: a convolution with bias, without normalisation and ReLU.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: Triple = (1, 1, 1),
        stride: Triple = (1, 1, 1),
        head: bool = False,
    ) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.conv3d = nn.Conv3d(in_channels, out_channels, kernel, stride, bias=head)
        self.bn = None if head else nn.BatchNorm3d(out_channels, eps=1e-3, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, in, T, H, W) to (N, out, ceil(T/s), ceil(H/s), ceil(W/s))."""
        pads = _pads(x, self.kernel, self.stride)
        if all(before == after for before, after in pads):
            padding = tuple(before for before, _ in pads)
            x = F.conv3d(x, self.conv3d.weight, self.conv3d.bias, self.stride, padding)
        else:
            x = self.conv3d(_pad(x, pads))
        return x if self.bn is None else F.relu_(self.bn(x))


class Inception(nn.Module):
    """Four parallel branches concatenated along the channels: 1x1, 1x1-3x3, 1x1-3x3, pool-1x1.

    Args:
        in_channels: number of input channels.
        widths: numbers of output channels of b0, b1a, b1b, b2a, b2b, b3b.
        length: length of the windows along T.
    """

    def __init__(self, in_channels: int, widths: tuple[int, int, int, int, int, int], length: int = 3) -> None:
        super().__init__()
        window = (length, 3, 3)
        self.b0 = Unit3D(in_channels, widths[0])
        self.b1a = Unit3D(in_channels, widths[1])
        self.b1b = Unit3D(widths[1], widths[2], window)
        self.b2a = Unit3D(in_channels, widths[3])
        self.b2b = Unit3D(widths[3], widths[4], window)
        self.b3a = SameMaxPool3d(window, (1, 1, 1))
        self.b3b = Unit3D(in_channels, widths[5])
        self.out_channels = widths[0] + widths[2] + widths[4] + widths[5]

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, in, T, H, W) to (N, out_channels, T, H, W)."""
        return torch.cat([self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(self.b3a(x))], dim=1)
