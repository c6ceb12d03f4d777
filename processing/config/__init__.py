"""What the user says of the experiment, read and resolved."""
