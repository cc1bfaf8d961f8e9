"""Value objects in OpenAI's shape: what goes in, what comes out. They know nothing of providers or I/O."""
