"""The verdict, frame by frame."""
