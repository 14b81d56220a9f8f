"""One module per verb: plan_<verb>(...) at the top, its steps below."""
