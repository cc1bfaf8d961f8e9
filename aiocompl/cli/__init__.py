"""The command line. Needs the extra ``cli``; `app` puts the commands together, one module a group.

Standard output carries the answer and nothing else; all that is said about it goes to standard error.
"""
