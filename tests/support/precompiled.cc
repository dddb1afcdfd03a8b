// Nothing of its own: the file whose compilation makes the precompiled header of all tests.
