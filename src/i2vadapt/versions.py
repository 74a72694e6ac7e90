"""Version of each stage's output: raise a number whenever the output of its stage would change.

Snakemake can't see an edit inside the package, so the rules pass these as parameters.
"""

from __future__ import annotations

DEMO = 2
MANIFEST = 1
DEPTH = 3
SYNTHESIZE = 4
DECODE = 2
FLOW = 2
TRAIN = 5
EVALUATE = 3
REPORT = 1
