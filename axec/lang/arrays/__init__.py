"""Arrays and the functions of arrays, in the words of the Python array API standard."""
