"""Monitoring: the drift of recent predictions as Prometheus gauges, with alert rules and dashboards."""
