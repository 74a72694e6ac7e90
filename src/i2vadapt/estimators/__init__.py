"""Estimators: systems that classify videos from fixed features. The estimator `meda` is the class `Estimator` in
`estimators/meda.py`.

They see arrays only: no images, no files, and no labels of the target.
"""
