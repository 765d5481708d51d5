"""The benchmark as a library: `genbench.run`, `genbench.load` and `genbench.data`."""
