"""The rows of other authors in the workflow: neither depth nor generated videos are made, and runs are shared."""

from __future__ import annotations

import csv

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
