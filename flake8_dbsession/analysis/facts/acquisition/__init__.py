"""Where sessions and connections are opened, by what, and who may: what DBS1 rules read."""
