"""The workloads as plain functions f(params, *inputs) of each library."""
