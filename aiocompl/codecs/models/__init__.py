"""Which models a provider offers, in each provider's dialect."""
