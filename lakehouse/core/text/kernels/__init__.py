"""Compiled kernels over Arrow buffers, one idea a file. They know neither columns nor recipes."""
