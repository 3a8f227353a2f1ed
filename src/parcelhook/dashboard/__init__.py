"""The web pages: Integrations and API > API > Webhooks, and what stands around it. Server-rendered; script only adds."""
