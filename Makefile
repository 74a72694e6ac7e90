# make setup | demo | test | test-all | cluster | gpu | check | docs: all work from a clean clone with Python 3.11 (or newer), git, make and a C compiler.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
CORES ?= $(shell nproc)
# Test processes: more than eight wait for the longest file, and each takes up to 2 GB.
TESTERS ?= $(shell echo $$(($(CORES) < 8 ? $(CORES) : 8)))
# A file's tests stay together: they share data, and some go on with what the ones before have made.
PYTEST := python -m pytest --numprocesses $(TESTERS) --dist loadfile --no-loadscope-reorder --ignore tests/cluster
export PATH := $(abspath $(VENV))/bin:$(PATH)

.PHONY: setup demo test test-all test-avx2 faults cluster gpu check docs clean

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name it with make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	python -m pip install --quiet --upgrade pip
	python -m pip install --quiet --constraint constraints.txt --editable ".[workflow,test,check,docs]"
	touch $@

# Two or three small trainings side by side take less time than one after another on all cores.
demo: setup
	@python -m i2vadapt demo --estimate --workers $(CORES)
	snakemake --cores $(CORES) --configfile config.yaml --resources gpu=$(CORES) --set-threads train=$$((($(CORES) + 2) / 3))

test: setup
	$(PYTEST) -m "not slow"

# What `make test` runs, whole workflows, kills, large networks, and hundreds of damaged files.
test-all: setup
	$(PYTEST) --fuzz 150

# All tests as a processor with AVX2 alone runs them: other kernels, float32 in the place of bfloat16, other rounding.
test-avx2: setup
	ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 OPENBLAS_CORETYPE=Haswell $(PYTEST)

# A SLURM of virtual nodes on this machine (Debian: slurm-wlm munge; without it those tests skip), and conda environments.
cluster: setup
	python -m pytest tests/cluster

# Tests and speed on an NVIDIA GPU, in some six minutes and without a network. With PYTHON=..., in the environment of that
# interpreter instead of .venv. Without a GPU, only the tests of the CUDA kernels run, in Numba's simulator.
GPU_PYTHON = PYTHONPATH="$(CURDIR)/src$${PYTHONPATH:+:$$PYTHONPATH}" $(if $(filter file,$(origin PYTHON)),python,$(PYTHON))
gpu: $(if $(filter file,$(origin PYTHON)),setup)
	$(GPU_PYTHON) -m pytest tests/gpu --durations 5
	$(GPU_PYTHON) perf/gpu.py

# Fifty kills of every stage, ten of a training, eight of the whole demo: some 40 minutes.
faults: setup
	python -m pytest tests/faults --kills 50

check: setup
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-logo
	snakefmt --check Snakefile workflow
	snakemake --lint

# The README and the pages of docs/ as a site, in site/index.html; a link that leads nowhere is an error.
docs: setup
	NO_MKDOCS_2_WARNING=1 python -m mkdocs build --strict --quiet
	@echo site/index.html

clean:
	rm -rf results data/demo site
