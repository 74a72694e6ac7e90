"""An example of each sub-command, with which its help ends."""

from __future__ import annotations

_DATA = "results/datasets/demo-photographs", "results/datasets/demo-videos"
_RUN, _METHOD = "results/runs/demo/rgb/seed0", "results/methods/demo/full/seed0"

EXAMPLES: dict[str, str] = {
    "init": "photos/ videos/ --out mine.yaml",
    "manifest": f"--benchmark workflow/benchmarks/demo.yaml --side source --out {_DATA[0]}",
    "depth": """photo.jpg --out maps/ --settings '{"model": "dpt_small"}'""",
    "decode": f"--items {_DATA[1]}/items/0000.csv --out {_DATA[1]}/frames/0000.h5",
    "synthesize": """photo.jpg --out clip.mp4 --depth-settings '{"model": "dpt_small"}'""",
    "crop": "--items photographs.csv --classifier results/runs/demo/image/seed0/checkpoint.pt --out 0000.h5",
    "flow": "video.mp4 --out flow.mp4",
    "train": f"--source {_DATA[0]} --target {_DATA[1]} --classes walk run --out {_RUN}",
    "features": f"--run {_RUN} --target {_DATA[1]} --out features.npz",
    "fuse": f"--runs {_RUN} results/runs/demo/flow/seed0 --title 'RGB and flow' --out my-method",
    "evaluate": f"{_METHOD} --target {_DATA[1]} --out predictions.csv",
    "predict": f"{_METHOD} videos/ --csv predictions.csv",
    "export": f"{_METHOD} --out my-classifier",
    "report": "--benchmark workflow/benchmarks/demo.yaml --results results --methods so_rgb full --out my-report",
    "experiment": "workflow/experiments/table2.yaml --methods workflow/methods.yaml --published workflow/published.yaml"
    " --benchmarks workflow/benchmarks/demo.yaml --seeds 0 1 2 --results results --out my-table",
    "view": f"{_DATA[0]} --id walk/walk_001.jpg --out walk.gif",
    "download": "depth dpt_beit_large_512",
    "plan": "table2 --benchmarks EtoH --seeds 0 1 2 --rates workflow/rates/h200.yaml",
    "fetch": "EtoH --data data --yes",
    "status": "table2",
    "info": f"{_DATA[1]}/flow/0000.h5",
    "verify": "results",
    "clear": "results",
    "demo": "--out data/demo",
    "train-depth": "--out dpt_small.safetensors",
}
"""Arguments by the name of the sub-command."""
