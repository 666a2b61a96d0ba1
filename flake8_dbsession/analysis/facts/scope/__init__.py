"""Where sessions, their results and mapped objects get to beyond the function that opened them."""
