"""What is kept: run file, trace, summary, exports."""
