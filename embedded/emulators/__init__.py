"""What runs in the emulators' own environment, `.venv-emulators`: it imports nothing that is only in the other one."""
