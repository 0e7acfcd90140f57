"""The web page of app.py: from pictures of a person and a driver to a film, and live."""
