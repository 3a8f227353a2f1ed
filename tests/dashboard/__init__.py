"""The dashboard in a real browser. A package, so that the browser is closed again before other tests run."""
