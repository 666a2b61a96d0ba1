"""What web frameworks inject, call and stream while a session is open: what DBS4 rules read."""
