"""Checks of the integration: geometry, masks, corrections, agreement with pyFAI, real standards."""
