"""What was built, to be looked at: conversations on a screen, and figures."""
