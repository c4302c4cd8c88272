"""What people start: they parse, call the layers below, and say what happened; nothing else."""
