"""What a run learns from and by which losses: recipe `video` is the class `Recipe` in `recipes/video.py`.

To add one: a file here, its section of settings in `config/recipes/`, and a run in workflow/methods.yaml.
"""
