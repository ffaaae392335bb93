"""What people run: the shell scripts, the `righttime` command, the demo and the benchmarks."""
