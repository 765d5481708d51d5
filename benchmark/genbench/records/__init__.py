"""What is written down and what crosses the process boundary: jobs, tasks, results, run folders. Free of torch."""
