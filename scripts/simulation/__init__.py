"""What `righttime simulate` runs: workers, results, plots, the fit and the proofs."""
