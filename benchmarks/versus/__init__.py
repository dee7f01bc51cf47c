"""axec beside its peers: a workload, and every library in a process of its own. See README.md."""
