"""What a job costs: operations, time and memory."""
