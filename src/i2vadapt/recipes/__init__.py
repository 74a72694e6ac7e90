"""Recipes: the data and losses of a run. The recipe `video` is the class `Recipe` in `recipes/video.py`.

A new recipe needs a file in this folder, its settings in `config/recipes/`, and a run in workflow/methods.yaml.
"""
