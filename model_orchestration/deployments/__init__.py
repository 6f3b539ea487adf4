"""What Prefect schedules beside the flows' own `prefect.yaml`: the training of each further table."""
