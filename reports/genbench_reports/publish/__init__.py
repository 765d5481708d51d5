"""Published results: a folder that grows, a site made of it, and exports."""
