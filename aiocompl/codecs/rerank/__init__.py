"""Documents in the order of what they have to do with a query, in each provider's dialect."""
