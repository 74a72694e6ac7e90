from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from i2vadapt.data.items import read_items
from i2vadapt.data.picture_memory import PIXELS_AT_ONCE, decoding

HEIGHT, WIDTH = 4000, 6000
SMALL = ["--settings", '{"model": "dpt_small", "precision": "float32"}']


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of two photographs of 24 megapixels."""
    root = tmp_path_factory.mktemp("large")
    for number, name in enumerate("ab"):
        (root / "photos" / name).mkdir(parents=True, exist_ok=True)
        blocks = np.random.default_rng(number).integers(0, 256, (40, 60, 3), np.uint8)
        picture = cv2.resize(blocks, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
        cv2.imwrite(str(root / "photos" / name / f"{number}.jpg"), picture)
    sides = {"source": {"dataset": "photos", "root": str(root / "photos")}, "target": {"dataset": "v", "root": "v"}}
    classes = {name: {"source": [name], "target": [name]} for name in "ab"}
    (root / "large.yaml").write_text(yaml.safe_dump({"name": "large", **sides, "classes": classes}))
    return root


def peak(*arguments: str | Path) -> float:
    """Runs a command in a process of its own and returns the most memory that it took, bytes per pixel of a picture."""
    return measured("from i2vadapt.cli import main; status = main(sys.argv[1:])", *arguments)


def measured(code: str, *arguments: str | Path) -> float:
    # Not ru_maxrss, which a process inherits from the one that started it.
    print_peak = "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    script = f"import sys\nstatus = 0\n{code}\n{print_peak}\nsys.exit(status)"
    done = subprocess.run([sys.executable, "-c", script, *map(str, arguments)], capture_output=True, check=True)
    return int(done.stdout) * 1024 / (HEIGHT * WIDTH)


def test_folders_of_large_photographs_take_the_memory_of_a_few(photographs: Path) -> None:
    """The bounds are those of docs/own-data.md, for 24 megapixels."""
    out = photographs / "out"
    manifest = peak("manifest", "--benchmark", photographs / "large.yaml", "--side", "source", "--out", out)
    assert manifest < 1.5e9 / (HEIGHT * WIDTH)
    items = out / "items" / "0000.csv"
    assert len(read_items(items)) == 2
    depth = photographs / "depth.h5"
    assert peak("depth", "--items", items, "--out", depth, *SMALL) < 1e9 / (HEIGHT * WIDTH) + 75
    frames = ["--out", photographs / "frames.h5", "--workers", "1", "--settings", '{"frames": 2, "short_side": 32}']
    assert peak("synthesize", "--items", items, "--depth", depth, *frames) < 0.4e9 / (HEIGHT * WIDTH) + 12


def test_threads_share_a_number_of_pixels_and_a_huge_picture_goes_alone() -> None:
    together: list[int] = []
    most: list[int] = []
    lock = threading.Lock()

    def decode(pixels: int) -> None:
        with decoding(pixels):
            with lock:
                together.append(pixels)
                most.append(sum(together))
            time.sleep(0.01)
            with lock:
                together.remove(pixels)

    sizes = [PIXELS_AT_ONCE // 2, PIXELS_AT_ONCE // 2, PIXELS_AT_ONCE * 3, PIXELS_AT_ONCE // 4] * 3
    threads = [threading.Thread(target=decode, args=(size,)) for size in sizes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert len(most) == len(sizes)
    assert max(total for total in most if total != PIXELS_AT_ONCE * 3) <= PIXELS_AT_ONCE


def test_a_photograph_is_read_in_few_bytes_per_pixel(photographs: Path) -> None:
    before = measured("from i2vadapt.data.image import read_image")
    path = photographs / "photos" / "a" / "0.jpg"
    assert measured("from i2vadapt.data.image import read_image; read_image(sys.argv[1])", path) - before < 9
