"""What gantool is measured against: written as a person would write it, with nothing of ours in it."""
