"""Parts of the programs in the test's own process, on real servers."""
