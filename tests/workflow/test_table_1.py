"""The rows of other authors in the workflow: neither depth nor generated videos are made, and runs are shared."""

from __future__ import annotations

import csv
import os

from failures import damage
from small_project import BENCHMARK, Project

METHODS = "methods=[so_img,dann,meda,dann_i3d,st_i2v]"
RUNS = """
  crops: { short_side: 36, frames: 9 }
runs:
  image: { epochs: 2, batch_size: 4 }
  image_dann: { epochs: 1, batch_size: 4 }
  meda: { dimensions: 2, neighbours: 2 }
  dann_i3d: { epochs: 1, batch_size: 4 }
  st_i2v: { epochs: 2, batch_size: 4, prototypes: { from_epoch: 1 } }
"""


def test_rows_of_other_authors_need_no_depth_and_share_what_they_can(fresh: Project) -> None:
    (fresh.folder / "mine.yaml").write_text(BENCHMARK.rstrip() + RUNS)
    planned = fresh.plan("--config", METHODS)
    assert not {"depth", "synthesize", "flow"} & planned.keys()
    assert (planned["train"], planned["features"], planned["crop"], planned["decode"]) == (5, 1, 2, 1)
    output = fresh.succeed("--config", METHODS)
    assert "| ST-I2V |" in output
    results = fresh.folder / "results"
    assert not list(results.glob("datasets/*/depth"))
    assert {path.parent.parent.name for path in results.glob("datasets/*/frames/*.h5")} == {"mine-crops", "my-videos"}
    with (results / "reports" / "mine" / "comparison.csv").open(newline="") as file:
        rows = {row["Method"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["SO (Img)", "DANN", "MEDA", "DANN+I3D", "ST-I2V"]
    assert all(row["Ours"] and float(row["Hours"]) >= 0 and row["Origin"] for row in rows.values())
    assert rows["MEDA"]["Controls"].startswith("nearest ")
    assert fresh.plan("--config", METHODS) == {}
    # A method more of the chain trains its own runs alone; another seed crops no photograph again.
    longer = METHODS.replace("dann_i3d", "dann_i3d,cycda_1")
    assert fresh.plan("--config", longer) == {"train": 2, "fuse": 1, "report": 1}
    again = fresh.plan("--config", METHODS, "seeds=[0,1]")
    assert (again["train"], again["features"], again.get("crop", 0)) == (5, 1, 0)
    _fail_and_recover(fresh)


def _fail_and_recover(project: Project) -> None:
    """A job of crops that fails leaves no report behind; with the old setting back, its shard is taken back."""
    shard = project.folder / "results" / "datasets" / "mine-crops" / "frames" / "0000.h5"
    checkpoint = project.folder / "results" / "runs" / "mine" / "image" / "seed0" / "checkpoint.pt"
    before, whole, text = shard.read_bytes(), checkpoint.read_bytes(), (project.folder / "mine.yaml").read_text()
    (project.folder / "mine.yaml").write_text(
        text.replace("short_side: 36, frames: 9 }\nruns", "short_side: 40 }\nruns")
    )
    damage("results/runs/mine/image/seed0/checkpoint.pt")(project.folder)
    result = project.run("--config", METHODS)
    assert result.returncode == 1
    assert "checkpoint.pt" in result.stdout
    assert not shard.exists()
    status = checkpoint.stat()
    checkpoint.write_bytes(whole)
    os.utime(checkpoint, ns=(status.st_atime_ns, status.st_mtime_ns))
    (project.folder / "mine.yaml").write_text(text)
    assert "taken back" in project.succeed("--config", METHODS)
    assert shard.read_bytes() == before
    assert project.plan("--config", METHODS) == {}
