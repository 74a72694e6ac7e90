from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from i2vadapt.depth import (
    DepthNetwork,
    depth_model_spec,
    network_size,
    predict_inverse_depth,
    predict_inverse_depth_batch,
    spec_network_size,
    to_uint16,
)
from i2vadapt.depth.preprocess import network_input
from i2vadapt.depth.spec import DepthModelSpec, ResizeMethod
from i2vadapt.errors import UserError


@pytest.mark.parametrize(
    ("height", "width", "net_size", "keep_aspect", "method", "expected"),
    [
        # minimal: the side whose scale is nearer 1 decides
        (480, 640, 512, True, "minimal", (512, 672)),  # 682.67 / 32 = 21.3
        (640, 480, 512, True, "minimal", (672, 512)),
        (240, 320, 512, True, "minimal", (384, 512)),  # enlarged: the width needs less
        (1080, 1920, 512, True, "minimal", (512, 896)),  # 910.2 / 32 = 28.4
        (512, 512, 512, True, "minimal", (512, 512)),
        (512, 1040, 512, True, "minimal", (512, 1024)),  # 32.5 goes to the even 32
        (512, 1072, 512, True, "minimal", (512, 1088)),  # 33.5 goes to the even 34
        (256, 1024, 512, True, "minimal", (128, 512)),  # scales 2 and 0.5: 0.5 is nearer 1
        (240, 320, 192, True, "minimal", (192, 256)),
        # one side of the square and not the other may be passed
        (480, 640, 256, True, "upper_bound", (192, 256)),
        (480, 640, 256, True, "lower_bound", (256, 352)),  # 341.3 / 32 = 10.7
        (400, 640, 240, True, "upper_bound", (160, 224)),  # 240 rounds to 256, over the bound
        (400, 640, 240, True, "lower_bound", (256, 384)),
        (400, 640, 208, True, "lower_bound", (224, 320)),  # 208 rounds to 192 (6.5 to even), under the bound
        # aspect ratio given up
        (480, 640, 256, False, "minimal", (256, 256)),
        (1000, 10, 256, False, "minimal", (256, 256)),
        # extreme strips keep one multiple
        (1000, 10, 512, True, "minimal", (512, 32)),
    ],
)
def test_network_size(
    height: int, width: int, net_size: int, keep_aspect: bool, method: ResizeMethod, expected: tuple[int, int]
) -> None:
    assert network_size(height, width, net_size, 32, keep_aspect, method) == expected


def test_input_is_scaled_to_plus_minus_one() -> None:
    spec = depth_model_spec("dpt_beit_large_512")
    image = np.zeros((512, 512, 3), dtype=np.uint8)
    image[..., 0], image[..., 1] = 255, 51
    array = network_input(spec, image)
    assert array.shape == (3, 512, 512)
    assert array.dtype == np.float32
    np.testing.assert_allclose(array[:, 0, 0], [1, -0.6, -1], atol=1e-6)


def test_cubic_overshoot_is_kept() -> None:
    image = np.zeros((64, 64, 3), dtype=np.uint8)
    image[:, 32:] = 255
    assert network_input(depth_model_spec("dpt_small"), image).max() > 1.01


@pytest.mark.parametrize("image", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3))])
def test_other_images_are_refused(image: np.ndarray) -> None:
    with pytest.raises(UserError, match="uint8"):
        network_input(depth_model_spec("dpt_small"), image)


class _Red(DepthNetwork):
    """Takes the red channel for depth, so that only the ways in and out are under test."""

    def __init__(self, spec: DepthModelSpec) -> None:
        super().__init__(spec)
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        return self.scale * images[:, 0]


def test_prediction_returns_to_the_size_of_each_image() -> None:
    model = _Red(depth_model_spec("dpt_small"))
    ramp = np.linspace(0, 255, 320).astype(np.uint8)
    images = [np.broadcast_to(ramp[:, None], (240, 320, 3)), np.broadcast_to(ramp[:300, None], (225, 300, 3))]
    depths = predict_inverse_depth_batch(model, [np.ascontiguousarray(image) for image in images])
    assert [depth.shape for depth in depths] == [(240, 320), (225, 300)]
    for depth, image in zip(depths, images, strict=True):
        assert depth.dtype == np.float32
        # both resizings keep pixel centres where they are; a shift of half a pixel would already make 0.003
        np.testing.assert_allclose(depth[5:-5, 5:-5], image[5:-5, 5:-5, 0] / 127.5 - 1, atol=0.006)
        assert abs((depth[5:-5, 5:-5] - (image[5:-5, 5:-5, 0] / 127.5 - 1)).mean()) < 5e-4


class _Ramp(DepthNetwork):
    """Predicts 0 to 1 from left to right, whatever it sees."""

    def __init__(self, spec: DepthModelSpec) -> None:
        super().__init__(spec)
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        return self.scale * torch.linspace(0, 1, images.shape[3]).expand(len(images), *images.shape[2:])


def test_maps_of_depth_anything_are_enlarged_with_aligned_corners() -> None:
    depth = predict_inverse_depth(_Ramp(depth_model_spec("depth_anything_v2_small")), np.zeros((40, 60, 3), np.uint8))
    np.testing.assert_allclose(depth, np.broadcast_to(np.linspace(0, 1, 60), (40, 60)), atol=1e-6)


def test_input_of_depth_anything_has_the_mean_and_spread_of_imagenet() -> None:
    array = network_input(depth_model_spec("depth_anything_v2_small"), np.full((518, 518, 3), 51, np.uint8))
    expected = [(0.2 - 0.485) / 0.229, (0.2 - 0.456) / 0.224, (0.2 - 0.406) / 0.225]
    np.testing.assert_allclose(array[:, 0, 0], expected, atol=1e-5)


def test_a_batch_predicts_what_single_images_do() -> None:
    model = _Red(depth_model_spec("dpt_small"))
    images = [np.random.default_rng(k).integers(0, 256, (60, 80, 3), dtype=np.uint8) for k in range(2)]
    together = predict_inverse_depth_batch(model, images)
    for depth, image in zip(together, images, strict=True):
        np.testing.assert_array_equal(depth, predict_inverse_depth(model, image))
    assert predict_inverse_depth_batch(model, []) == []


def test_a_batch_of_different_network_sizes_is_refused() -> None:
    spec = depth_model_spec("dpt_small")
    images = [np.zeros((60, 80, 3), np.uint8), np.zeros((80, 60, 3), np.uint8)]
    assert spec_network_size(spec, 60, 80) != spec_network_size(spec, 80, 60)
    with pytest.raises(UserError, match="one size"):
        predict_inverse_depth_batch(_Red(spec), images)


def test_stretch_to_16_bits() -> None:
    depth = np.array([[1000.0, 1001.0], [1000.5, 1000.25]], dtype=np.float32)
    np.testing.assert_array_equal(to_uint16(depth), [[0, 65535], [32768, 16384]])
    np.testing.assert_array_equal(to_uint16(np.full((2, 2), 7, np.float32)), np.zeros((2, 2)))
    with pytest.raises(UserError, match="finite"):
        to_uint16(np.array([[1, np.nan]], dtype=np.float32))
