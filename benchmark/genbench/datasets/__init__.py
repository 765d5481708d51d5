"""From a data set card to examples in memory: versions, downloads, prepared files."""
