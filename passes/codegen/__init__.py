"""Code generation: one folder per kind of target, and the LLVM IR builder they share."""
