"""`python -m i2vadapt`, which needs no installed entry point."""

from __future__ import annotations

import sys

from i2vadapt.cli import main

sys.exit(main())
