"""Events by way of NATS JetStream: accepted there, durable, and taken into the store in order, each once."""
