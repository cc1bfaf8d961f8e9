"""A real model with no key: llama.cpp's own server over a GGUF file, as a supervised child process.

`weights` puts the default model into the user's cache, `server` keeps the child process, `transport` is what an actor
sends its requests through. Needs the extra ``local``.
"""
