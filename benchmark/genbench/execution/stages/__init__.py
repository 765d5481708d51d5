"""The stages of a job, each of which runs in a process of its own: training, evaluation, scoring."""
