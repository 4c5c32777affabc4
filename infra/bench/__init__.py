"""The benchmarks: every figure measured in one run, side by side, beside its goal."""
