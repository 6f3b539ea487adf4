"""The settings, by what they are about; tabular/settings.py makes them one."""
