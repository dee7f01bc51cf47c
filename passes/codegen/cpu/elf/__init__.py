"""ELF64: objects are read, linked and written as one shared object."""
