"""How fast a config trains here, where the time goes, and which settings would be faster."""
