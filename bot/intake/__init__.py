"""What happened? Webhook payloads, Actions events, the command grammar, who may ask for what."""
