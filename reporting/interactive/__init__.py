"""Evidently's own interactive pages of the data of a report, in a folder of their own beside the reports."""
