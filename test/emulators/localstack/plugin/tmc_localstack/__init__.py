"""Node functions of LocalStack 4.14 as ordinary processes, and its gateway on the address it is told. For tests alone."""
