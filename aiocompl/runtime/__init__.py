"""The I/O side: transport, stream, inbox, actor, supervisor."""
