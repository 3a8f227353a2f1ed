"""What guards the dashboard and the API, over plain HTTP: who may come in, what they may do, and what no page gives away."""
