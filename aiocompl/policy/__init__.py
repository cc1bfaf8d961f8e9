"""Pure decisions: what to do next, given what happened, the time and the dice. Nothing here waits."""
