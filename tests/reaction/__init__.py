"""The verdict, the kinetics, the alarms and the composition."""
