"""`parcelhook demo`: a merchant beside a server, and shipments coming in."""
