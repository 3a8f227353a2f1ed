"""`parcelhook import`: files of orders, errors and scans into a running server."""
