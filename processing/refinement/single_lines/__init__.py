"""Lines fitted one by one."""
