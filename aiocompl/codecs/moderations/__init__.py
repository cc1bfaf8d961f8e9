"""Whether texts are harmful, in each provider's dialect."""
