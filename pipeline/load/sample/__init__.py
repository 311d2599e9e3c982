"""The embedded sample: English and Chinese dialogues written for this project."""
