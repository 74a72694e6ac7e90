"""Kernels of TV-L1 for NVIDIA GPUs, written with numba.cuda; its simulator runs them on a CPU in the tests."""
