import system.waiting  # noqa: F401 - as the scripts that are measured
