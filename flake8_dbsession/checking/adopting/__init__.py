"""How an old code base begins: the baseline, and violations known again after they moved."""
