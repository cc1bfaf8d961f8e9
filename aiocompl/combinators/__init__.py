"""Race, fan-out and batch: many calls as one. They stand on nothing but a function that asks one model."""
