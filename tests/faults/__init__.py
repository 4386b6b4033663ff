"""Nothing twice, nothing lost, no doubt hidden: tried by killing, freezing and lying to real processes."""
