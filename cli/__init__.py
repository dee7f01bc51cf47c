"""The `axec` command: arguments in, text out. The work is done by axec.driver and axec.runtime."""
